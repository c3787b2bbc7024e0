use async_trait::async_trait;
use rstest::rstest;
use tidings_core::act::{Answer, Settled};
use tidings_core::configuration::{Bundle, check};
use tidings_core::ports::StoreError;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn shop() -> ProjectId {
    ProjectId::new("shop").expect("an id")
}

#[test]
fn a_kind_is_told_at_once_and_then_counted_until_its_quiet_time_ends() {
    let (alarms, mut told) = (Alarms::default(), BTreeMap::new());
    alarms.note(shop(), Alert::ProviderDown, "sms_a: http_503");
    let (due, next) = alarms.take(&told, NOW);
    assert_eq!((due.len(), due[0].1.times, next), (1, 1, None));
    told.insert(due[0].0.clone(), NOW);
    for _ in 0..3 {
        alarms.note(shop(), Alert::ProviderDown, "sms_a: http_502");
    }
    alarms.note(shop(), Alert::Budget, "sms");
    let just_before = NOW.plus_millis(QUIET_MILLIS - 1);
    let (due, next) = alarms.take(&told, just_before);
    assert_eq!((due.len(), due[0].0.1, next), (1, Alert::Budget, Some(1)));
    let (due, _) = alarms.take(&told, NOW.plus_millis(QUIET_MILLIS));
    assert_eq!((due.len(), due[0].1.times, &*due[0].1.text), (1, 3, "sms_a: http_502"));
}

#[test]
fn what_is_told_says_how_often_and_what_to_do() {
    let noticed = Noticed { text: "sms_a: http_503".into(), times: 7 };
    let body = body(Alert::ProviderDown, &noticed, "general".parse().expect("an id"), NOW);
    let Some(DirectSend { content: SendContent::Literal(content), .. }) = body.send else { panic!("words") };
    assert_eq!(content.title, "A provider does not answer");
    assert!(content.body.starts_with("sms_a: http_503 (7 times)\n"), "{}", content.body);
}

/// A document whose `alerts` are told to somebody, and who was told.
struct Shop {
    configuration: Arc<Configuration>,
    told: Mutex<Vec<SendTo>>,
}

#[async_trait]
impl LiveConfiguration for Shop {
    async fn live(&self, _project: &ProjectId) -> Result<Arc<Configuration>, StoreError> {
        Ok(Arc::clone(&self.configuration))
    }
}

#[async_trait]
impl Submit for Shop {
    async fn submit(&self, unit: Unit) -> Settled {
        let Act::Send { to, .. } = unit.act else { panic!("an alert is a send") };
        self.told.lock().unwrap().push(to);
        Settled { answer: Ok(Answer::Done), replay: None }
    }
}

async fn told(notify: &str, on: &str) -> Vec<String> {
    let document = format!(
        "{{tidings: 1, project: {{name: shop}}, categories: {{general: {{name: {{en: General}}, legal: service, channels: [inapp]}}}},
        segments: {{staff: {{when: recipient.attributes.staff}}}}, alerts: {{notify: {notify}, on: [{on}]}}}}"
    );
    let configuration =
        check(&document, &Bundle::default(), 1).map(Arc::new).map_err(|mistakes| mistakes.to_string());
    let shop_now = Shop { configuration: configuration.expect("a good document"), told: Mutex::default() };
    let noticed = Noticed { text: "sms".into(), times: 1 };
    tell(&shop_now, &shop_now, &shop(), Alert::Budget, &noticed, NOW).await;
    shop_now.told.into_inner().unwrap().iter().map(|to| format!("{to:?}")).collect()
}

#[rstest]
#[case::topic("{topic: operators}", "Topic(TopicId(operators))")]
#[case::segment("{segment: staff}", "Segment(\"staff\")")]
#[case::one("\"'alice'\"", "Recipients([RecipientId(alice)])")]
#[case::several("\"['alice', 7, 'alice']\"", "Recipients([RecipientId(alice), RecipientId(7)])")]
#[tokio::test]
async fn an_alert_is_told_to_whom_the_document_names(#[case] notify: &str, #[case] to: &str) {
    assert_eq!(told(notify, "budget").await, [to]);
}

#[tokio::test]
async fn what_the_document_does_not_ask_for_is_not_told() {
    assert_eq!(told("{topic: operators}", "residue").await, [""; 0]);
}
