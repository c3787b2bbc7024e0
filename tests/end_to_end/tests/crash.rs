//! `kill -9` and SIGTERM under load: what was answered is there, what was not can be repeated, the books balance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tidings_end_to_end::{Caller, Device, Relay};

const EVENTS: usize = 3_600;
const RECIPIENTS: usize = 12;
const PUBLISHERS: usize = 6;
/// `kill -9` comes this often, before the load is finished in peace.
const KILLS: usize = 8;

const DOCUMENT: &str = "tidings: 1\nproject: {name: load}\n\
    categories: {general: {name: {en: General}, legal: service, channels: [inapp]}}\n\
    rules: {load: {on: load, category: general, template: t}}\n\
    templates: {t: {en: {title: \"{{ data.n }}\"}}}\n";

fn event(number: usize) -> Value {
    let recipient = format!("r{}", number % RECIPIENTS);
    json!({"type": "load", "id": format!("e{number}"), "source": "publisher", "recipient": recipient, "data": {"n": number}})
}

/// The publisher's own book.
#[derive(Debug, Default)]
struct Book {
    /// Number → the relay's id, for what was answered.
    answered: BTreeMap<usize, String>,
    /// Asked at least once without an answer.
    unanswered: BTreeSet<usize>,
    repeated_accepted: usize,
    repeated_duplicate: usize,
}

impl Book {
    fn note(&mut self, numbers: &[usize], answer: &Value) {
        let results = answer["results"].as_array().expect("one for each");
        assert_eq!(results.len(), numbers.len());
        for (number, result) in numbers.iter().zip(results) {
            let event = result["event"].as_str().unwrap_or_else(|| panic!("it is not rejected: {result}"));
            let was_asked = self.unanswered.remove(number);
            match result["status"].as_str() {
                Some("accepted") => self.repeated_accepted += usize::from(was_asked),
                Some("duplicate") if was_asked => self.repeated_duplicate += 1,
                _ => panic!("an event that was never asked is no duplicate: {result}"),
            }
            let before = self.answered.insert(*number, event.to_owned());
            assert_eq!(before, None, "nothing that was answered is asked again");
        }
    }
}

/// Publishes what is missing until all is answered or the relay is gone. `on_answer` sees how many requests were answered.
fn publish(caller: &Caller, book: &Mutex<Book>, on_answer: impl Fn(usize) + Sync) {
    let missing: Vec<usize> = {
        let book = book.lock().expect("nobody panicked");
        (0..EVENTS).filter(|number| !book.answered.contains_key(number)).collect()
    };
    let (next, requests) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let (missing, next, requests, on_answer) = (&missing, &next, &requests, &on_answer);
            scope.spawn(move || {
                // Batches of different sizes, one event alone among them.
                let size = 1 + publisher * 3;
                loop {
                    let from = next.fetch_add(size, Ordering::Relaxed);
                    let Some(numbers) = missing.get(from..(from + size).min(missing.len())) else { return };
                    if numbers.is_empty() {
                        return;
                    }
                    let body = Value::from(numbers.iter().map(|number| event(*number)).collect::<Vec<_>>());
                    let headers = [("content-type", "application/json")];
                    let reply = caller.try_call("POST", "/v1/events", &headers, body.to_string().as_bytes());
                    match reply {
                        Ok(reply) if reply.status == 202 => {
                            book.lock().expect("nobody panicked").note(numbers, &reply.json());
                            on_answer(requests.fetch_add(1, Ordering::Relaxed) + 1);
                        }
                        Ok(reply) if reply.status == 503 => {
                            book.lock().expect("nobody panicked").unanswered.extend(numbers);
                            return;
                        }
                        Ok(reply) => panic!("accepted or not available: {}", reply.text()),
                        Err(_) => {
                            book.lock().expect("nobody panicked").unanswered.extend(numbers);
                            return;
                        }
                    }
                }
            });
        }
    });
}

/// Everything that was answered is stored, and the books balance. What was `seen` is not looked for again.
fn compare(relay: &Relay, book: &Book, seen: &mut BTreeSet<usize>) {
    let caller = relay.caller();
    let books = caller.get("/v1/accounting").ok(200);
    assert_eq!(books["residue"], 0, "{books}");
    assert!(books["events"]["accepted"].as_u64().expect("a number") >= book.answered.len() as u64, "{books}");
    for (number, id) in book.answered.iter().filter(|(number, _)| !seen.contains(number)) {
        let stored = caller.get(&format!("/v1/events?source=publisher&id=e{number}")).ok(200);
        assert_eq!((&stored["event"], &stored["data"]["n"]), (&json!(id), &json!(number)), "{stored}");
    }
    seen.extend(book.answered.keys());
}

/// What a new device of each recipient finds in its inbox: the numbers, each with how often.
fn inboxes(relay: &Relay) -> BTreeMap<usize, usize> {
    let mut found = BTreeMap::new();
    for recipient in 0..RECIPIENTS {
        let device = relay.caller_with(&relay.token(&format!("r{recipient}"), "fresh"));
        let mut cursor = String::new();
        loop {
            let page = device.get(&format!("/v1/me/changes?limit=500{cursor}")).ok(200);
            for item in page["items"].as_array().expect("items") {
                if item["kind"] == "notification" {
                    let number = item["title"].as_str().and_then(|title| title.parse().ok());
                    *found.entry(number.expect("the number is the title")).or_default() += 1;
                }
            }
            cursor = format!("&cursor={}", page["to"].as_str().expect("a cursor"));
            if page["more"] == false {
                break;
            }
        }
    }
    found
}

#[test]
fn nothing_answered_is_lost_and_nothing_is_made_twice_when_the_relay_is_killed_again_and_again() {
    let mut relay = Relay::start();
    let _applied = relay.caller().apply(DOCUMENT).ok(200);
    let (book, mut seen) = (Mutex::new(Book::default()), BTreeSet::new());
    // Instants that look random and are the same in every run.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let kill_at = usize::try_from(3 + random % 37).expect("a small number");
        let (caller, pid) = (relay.caller(), relay.pid());
        publish(&caller, &book, |answered| {
            if answered == kill_at {
                let killed = std::process::Command::new("kill").arg("-9").arg(pid.to_string()).status();
                assert!(killed.expect("kill runs").success());
            }
        });
        relay = Relay::start_on(relay.kill());
        compare(&relay, &book.lock().expect("nobody panicked"), &mut seen);
    }
    {
        let book = book.lock().expect("nobody panicked");
        assert!(!book.unanswered.is_empty(), "requests were in flight");
        assert!(book.answered.len() < EVENTS, "the load was not over before the last kill");
    }
    publish(&relay.caller(), &book, |_| ());
    let book = book.into_inner().expect("nobody panicked");
    assert_eq!((book.answered.len(), book.unanswered.len()), (EVENTS, 0));
    assert!(book.repeated_accepted + book.repeated_duplicate > 0);
    compare(&relay, &book, &mut BTreeSet::new());
    let books = relay.caller().get("/v1/accounting").ok(200);
    assert_eq!(
        (&books["events"]["accepted"], &books["notifications"]["made"]),
        (&json!(EVENTS), &json!(EVENTS))
    );
    let found = inboxes(&relay);
    assert_eq!(found.len(), EVENTS, "every one arrives");
    assert!(found.values().all(|times| *times == 1), "and none twice");
}

#[test]
fn a_relay_that_is_asked_to_end_answers_or_refuses_and_tells_its_devices_when_to_come_back() {
    let relay = Relay::start();
    let _applied = relay.caller().apply(DOCUMENT).ok(200);
    let mut devices: Vec<Device> =
        (0..RECIPIENTS).map(|index| relay.device(&format!("r{index}"), "laptop")).collect();
    let book = Mutex::new(Book::default());
    let caller = relay.caller();
    publish(&caller, &book, |answered| {
        if answered == 40 {
            relay.ask_to_end();
        }
    });
    let delays: BTreeSet<u64> = devices
        .iter_mut()
        .map(|device| device.bye("restart")["reconnect_after_ms"].as_u64().expect("milliseconds"))
        .collect();
    assert!(delays.len() > 1, "they do not come back all at once: {delays:?}");
    let (site, ended) = relay.wait();
    assert!(ended.success(), "{ended}");
    let relay = Relay::start_on(site);
    compare(&relay, &book.lock().expect("nobody panicked"), &mut BTreeSet::new());
    publish(&relay.caller(), &book, |_| ());
    let book = book.into_inner().expect("nobody panicked");
    assert_eq!((book.answered.len(), book.unanswered.len()), (EVENTS, 0));
    let found = inboxes(&relay);
    assert_eq!((found.len(), found.values().sum()), (EVENTS, EVENTS));
    assert_eq!(relay.caller().get("/v1/accounting").ok(200)["residue"], 0);
}
