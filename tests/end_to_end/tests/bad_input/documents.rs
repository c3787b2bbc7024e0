//! Hostile conditions and templates: refused, or rendered within bounds of time and memory.

use std::time::{Duration, Instant};

use serde_json::json;
use tidings_end_to_end::{Relay, Reply};

/// One call on a machine that is busy, in an unoptimised build.
const TIME_MAX: Duration = Duration::from_secs(15);
/// How much the relay may grow over all of them.
const GROWTH_KIB_MAX: u64 = 128 * 1024;

fn document(when: &str, title: &str) -> String {
    let (when, title) = (json!(when), json!(title));
    format!(
        "tidings: 1\nproject: {{name: hostile}}\n\
         categories: {{general: {{name: {{en: General}}, legal: service, channels: [inapp]}}}}\n\
         rules: {{r: {{on: a, when: {when}, category: general, template: t}}}}\n\
         templates: {{t: {{en: {{title: {title}}}}}}}\n"
    )
}

fn timed(what: &str, call: impl FnOnce() -> Reply) -> Reply {
    let since = Instant::now();
    let reply = call();
    assert!(since.elapsed() < TIME_MAX, "{what}: {:?}", since.elapsed());
    assert!(reply.status < 500, "{what}: {}", reply.text());
    reply
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

#[test]
fn hostile_conditions_are_refused_in_bounded_time_and_memory() {
    let mut relay = Relay::start();
    let caller = relay.caller();
    let before = relay.resident_kib();
    let long_list = format!("[{}].exists(x, x == 1)", "1,".repeat(100_000) + "1");
    let conditions = [
        format!("1{}", "+1".repeat(2_000)),
        format!("1{}", "+1".repeat(500_000)),
        "(".repeat(100_000),
        format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000)),
        "!".repeat(100_000) + "true",
        "-".repeat(100_000) + "1 > 0",
        format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)),
        format!("data{} == 1", ".a".repeat(100_000)),
        format!("true{}", " ? true : true".repeat(10_000)),
        long_list,
        "data.a.all(x, data.a.all(y, data.a.all(z, x == y)))".to_owned(),
        "data.a.map(x, x + x).size() > 0".to_owned(),
        "data.a + data.a + data.a == ''".to_owned(),
        "'a'.matches('(a+)+$')".to_owned(),
        "history('order.placed', '999999999999d') > 0".to_owned(),
        "1 / 0 == 1".to_owned(),
        "9223372036854775807 + 1 > 0".to_owned(),
        "\u{0}".to_owned(),
        "data.a ==".to_owned(),
    ];
    let mut refused = 0;
    for condition in &conditions {
        let reply = timed(&shown(condition), || caller.apply(&document(condition, "t")));
        refused += usize::from(reply.status >= 400);
        if reply.status == 200 {
            // What is taken is decided in bounded time too.
            let event =
                json!({"type": "a", "recipient": "alice", "data": {"a": vec!["x".repeat(20); 2_000]}});
            let _decided = timed(&shown(condition), || caller.post("/v1/events", &event)).ok(202);
        } else if reply.status == 422 && !condition.contains('\0') {
            let problem = reply.problem(422, "configuration");
            let fault = &problem["errors"][0];
            assert!(fault["line"].is_u64() && fault["column"].is_u64(), "{}: {problem}", shown(condition));
        }
    }
    assert!(refused >= 14, "{refused} of {} are refused", conditions.len());
    assert!(relay.is_running());
    let grown = relay.resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "it grew by {grown} KiB");
    assert_eq!(caller.get("/v1/accounting").ok(200)["residue"], 0);
}

#[test]
fn hostile_templates_are_refused_or_fail_in_bounded_time_and_memory() {
    let mut relay = Relay::start();
    let caller = relay.caller();
    let before = relay.resident_kib();
    let templates = [
        "{{ 'a' * 8589934592 }}".to_owned(),
        "{{ 'aaaaaaaaaa' * 1000000000 }}".to_owned(),
        "{% for i in range(1000000000) %}x{% endfor %}".to_owned(),
        "{% for i in data.a %}{% for j in data.a %}{% for k in data.a %}xxxxxxxx{% endfor %}{% endfor %}{% endfor %}".to_owned(),
        "{% set a = 'x' %}{{ a }}".to_owned(),
        "{% with a = 'x' %}{{ a }}{% endwith %}".to_owned(),
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned(),
        "{{ 'x' | indent(2000000000) }}".to_owned(),
        "{{ '%2000000000s' | format('x') }}".to_owned(),
        "{{ data.a | join('x') | replace('x', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') | replace('x', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') | replace('x', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') }}".to_owned(),
        "{{ data.a | tojson | tojson | tojson | tojson | tojson | tojson | tojson | tojson | tojson | tojson | tojson | tojson }}".to_owned(),
        "{{ data.a | urlencode | urlencode | urlencode | urlencode | urlencode | urlencode | urlencode | urlencode }}".to_owned(),
        "{{ [data.a, data.a, data.a] | pprint }}".to_owned(),
        "{{ range(100000000) | list | length }}".to_owned(),
        "{{ 'x' | center(2000000000) }}".to_owned(),
        "{{ 1 | round(2000000000) }}".to_owned(),
        "{{ 10 ** 10 ** 10 }}".to_owned(),
        "{{ data.a | batch(1000000000, 'x') }}".to_owned(),
        "{{ data.a | slice(1000000000) }}".to_owned(),
        "{{ 1000000000000000000000000000 | number }}".to_owned(),
        "{{ namespace(a=1) }}".to_owned(),
        "{% include 'x' %}".to_owned(),
        "{% for x in data.a recursive %}{{ loop(data.a) }}{% endfor %}".to_owned(),
        "{{ ".repeat(5_000),
        "{% if true %}".repeat(5_000),
        format!("{{{{ {}1{} }}}}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{{{{ {}1{} }}}}", "[".repeat(10_000), "]".repeat(10_000)),
        format!("{{{{ 1{} }}}}", "+1".repeat(15_000)),
        format!("{{{{ {}1 }}}}", "-".repeat(30_000)),
        format!("{{{{ {}true }}}}", "not ".repeat(7_000)),
        format!("{{{{ data{} }}}}", ".a".repeat(15_000)),
        format!("{{{{ data.a{} }}}}", "|upper".repeat(5_000)),
        "x".repeat(32 << 10) + "x",
    ];
    let data = json!({"a": vec!["x".repeat(40); 1_000]});
    for template in &templates {
        let reply = timed(&shown(template), || caller.apply(&document("true", template)));
        if reply.status == 200 {
            let preview = json!({"template": "t", "locale": "en", "data": data});
            let preview = timed(&shown(template), || caller.post("/v1/configuration/preview", &preview));
            assert!(preview.body.len() < 1 << 20, "{}: {} bytes", shown(template), preview.body.len());
            let event = json!({"type": "a", "recipient": "alice", "data": data});
            let result = timed(&shown(template), || caller.post("/v1/events", &event)).ok(202);
            assert_eq!(result["accepted"], 1, "{}: {result}", shown(template));
        }
        assert!(relay.is_running(), "{}", shown(template));
        let grown = relay.resident_kib().saturating_sub(before);
        assert!(grown < GROWTH_KIB_MAX, "{}: it grew by {grown} KiB", shown(template));
    }
    assert_eq!(caller.get("/v1/accounting").ok(200)["residue"], 0);
}

#[test]
fn hostile_yaml_is_refused_in_bounded_time_and_memory() {
    let mut relay = Relay::start();
    let caller = relay.caller();
    let before = relay.resident_kib();
    let laughs = (0..30).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, level| {
        format!(
            "{text}a{0}: &a{0} [*a{level},*a{level},*a{level},*a{level},*a{level},*a{level},*a{level}]\n",
            level + 1
        )
    });
    let documents = [
        laughs,
        "[".repeat(1_000_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        "&a [*a]".to_owned(),
        "? ".repeat(100_000),
        format!("tidings: 1\n{}", "x: 1\n".repeat(100_000)),
        "tidings: 1\ntidings: 1".to_owned(),
        "!!python/object/apply:os.system [id]".to_owned(),
        String::new(),
        "\u{feff}".to_owned(),
        "tidings: 99999999999999999999".to_owned(),
    ];
    for text in &documents {
        let reply = timed(&shown(text), || caller.apply(text));
        assert!((400..500).contains(&reply.status), "{}: {}", shown(text), reply.status);
        assert!(reply.body.len() < 1 << 20, "{}: {} bytes", shown(text), reply.body.len());
        assert!(relay.is_running(), "{}", shown(text));
        let grown = relay.resident_kib().saturating_sub(before);
        assert!(grown < GROWTH_KIB_MAX, "{}: it grew by {grown} KiB", shown(text));
    }
}

#[test]
fn ten_thousand_rules_are_taken_and_one_more_is_refused_with_both_numbers() {
    let relay = Relay::start();
    let caller = relay.caller();
    let rules = |count: usize| {
        let head = document("data.total > 0", "{{ data.total }}");
        let rules = (0..count).map(|number| {
            format!("  r{number}: {{on: e{number}, when: data.total > 0, category: general, template: t}}\n")
        });
        let (before, after) = head.split_once("rules: ").expect("it has rules");
        let (_, templates) = after.split_once('\n').expect("they stand in a line");
        format!("{before}rules:\n{}{templates}", rules.collect::<String>())
    };
    let console: &mut dyn std::io::Write = &mut std::io::stderr();
    for count in [10_000, 10_001] {
        let text = rules(count);
        let since = Instant::now();
        let reply = caller.call("POST", "/v1/configuration/check", &[], text.as_bytes());
        let bytes = text.len();
        writeln!(console, "{count} rules, {bytes} bytes: checked in {:?}", since.elapsed())
            .expect("it is open");
        if count == 10_000 {
            let _taken = reply.ok(200);
            continue;
        }
        let problem = reply.problem(422, "configuration");
        assert_eq!((&problem["limit"], &problem["actual"]), (&json!(10_000), &json!(10_001)), "{problem}");
        assert_eq!(problem["errors"][0]["code"], "limit", "{problem}");
    }
    let applied = caller.apply(&rules(10_000));
    assert_eq!(applied.status, 200, "{}", applied.text());
    let stated = caller.post(
        "/v1/events?verdicts=all",
        &json!({"type": "e9999", "recipient": "alice", "data": {"total": 7}}),
    );
    let made = &stated.ok(202)["results"][0]["notifications"];
    assert_eq!((made.as_array().map(Vec::len), &made[0]["rule"]), (Some(1), &json!("r9999")), "{made}");
}
