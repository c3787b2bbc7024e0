use rstest::rstest;

use super::*;

#[rstest]
#[case("data.total > 0")]
#[case("event.data.total == data.total && event[\"data\"].total == 30")]
#[case("has(event.data) && has(data.total) && !has(data.nothing) && has(data.address.city)")]
#[case("data.total == 30.0 && data.one == data.one_double && data.price < data.total && 30 >= data.total")]
#[case("data.one != data.text_one && data.gift == null && data.one != null")]
#[case(
    "data.total + 1 == 31 && data.total - 1 == 29 && data.total * 2 == 60 && data.total / 4 == 7 && data.total % 4 == 2"
)]
#[case("data.price * 2 == 59 && 1 / 2.0 == 0.5 && -data.total == -30 && -(data.price) < 0")]
#[case("1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && 7 - 2 - 1 == 4")]
#[case("recipient.interests.running > 0.5 && history('order.placed', '90d') >= 1")]
#[case("in_topic('staff') && !in_topic(\"press\")")]
#[case("data.customer == 'alice' && data.customer < \"bob\" && false < true")]
#[case("data.customer.startsWith('al') && data.customer.endsWith('ce') && data.customer.contains('lic')")]
#[case("data.customer.contains('') && !data.customer.contains('x')")]
#[case(
    "size(data.name) == 5 && data.name.size() == 5 && size(data.items) == 2 && size(data.address) == 2 && size([]) == 0"
)]
#[case(
    "'lamp' in data.tags && !('sofa' in data.tags) && 'city' in data.address && !('street' in data.address)"
)]
#[case("data.customer in ['bob', 'alice'] && 30.0 in [1, data.total] && !(1 in ['1', null, true])")]
#[case("'data' in event && 'id' in event && !('date' in event)")]
#[case("data.on_call[0] == 'bob' && data.on_call[data.place] == 'carol' && data.on_call[1.0] == 'carol'")]
#[case(
    "data['address']['zip code'] == '50667' && data.address[data.field] == 'Köln' && event[data.customer == 'alice' ? 'data' : 'id'].total == 30"
)]
#[case(
    "data.items.exists(item, item.price > 10 && item.name == 'Lamp') && data.items.all(item, item.price > 1)"
)]
#[case("!data.items.exists(item, item.price > 100) && [].all(item, false) && ![].exists(item, true)")]
#[case("[1, data.total, 'x'].exists(each, each == 30) && ['alice'].all(each, each == data.customer)")]
#[case("[[1, 2], data.tags].exists(list, 2 in list) && [[1, 2], [3]][0][1] == 2")]
#[case("data.items.exists(item, data.items[0].price == item.price)")]
#[case("data.paid ? data.total > 1 : false")]
#[case("(data.paid ? data.address : data).city == 'Köln'")]
#[case(
    "data.tags == ['lamp', 'light'] && data.tags != ['light', 'lamp'] && data.same == data.same_too && data.tags != data.same"
)]
#[case(
    "data.big > 9.2e18 && data.big < data.huge && 9007199254740993 > 9007199254740992.0 && -1 > -1.5 && 1 < 1.5"
)]
#[case("0x10 == 16 && 1e3 == 1000 && .5 == 0.5 && 'a\\u00e9\\x41' == 'aéA'")]
#[case("data.total // a comment ) ( \"\n > 0")]
#[case("-9223372036854775808 < 0")]
fn a_condition_that_holds_is_true(#[case] source: &str) {
    assert_eq!(condition(source), Ok(true), "{source}");
    assert_eq!(condition(&format!("!({source}\n)")), Ok(false), "{source}");
}

#[rstest]
#[case("true || data.nothing")]
#[case("data.nothing || true")]
#[case("data.nothing == 1 || data.total || true || 1 / 0 == 1")]
#[case("!(false && data.nothing)")]
#[case("!(data.nothing && false)")]
#[case("data.items.exists(item, item.sale)")]
#[case("!data.items.all(item, item.price > 10 && item.sale)")]
fn one_side_that_decides_outweighs_an_error_on_the_other(#[case] source: &str) {
    assert_eq!(condition(source), Ok(true), "{source}");
}

#[rstest]
#[case("data.nothing > 1", "data.nothing")]
#[case("data.nothing.deeper", "data.nothing")]
#[case("event.data.nothing", "data.nothing")]
#[case("event.nothing", "event.nothing")]
#[case("recipient.interests.chess > 0.5", "recipient.interests.chess")]
#[case("data.on_call[2]", "data.on_call[2]")]
#[case("data.on_call[-1]", "data.on_call[-1]")]
#[case("data.on_call[data.total]", "data.on_call[30]")]
#[case("data[data.customer].x", "data.alice")]
#[case("data['no name']", "data[\"no name\"]")]
#[case("has(data.nothing.deeper)", "data.nothing")]
#[case("data.items.all(item, item.sale)", "item.sale")]
#[case("data.nothing || false", "data.nothing")]
#[case("true && data.nothing", "data.nothing")]
#[case("!data.nothing", "data.nothing")]
#[case("data.nothing in [1]", "data.nothing")]
#[case("(data.paid ? data : event).nothing", "(…).nothing")]
#[case("[1][1] == 1", "(…)[1]")]
fn a_field_that_is_missing_is_told_with_its_path(#[case] source: &str, #[case] path: &str) {
    assert_eq!(condition(source), Err(EvaluateError::MissingField { path: path.to_owned() }), "{source}");
}

#[rstest]
#[case("data.total", ValueKind::Number)]
#[case("data.customer", ValueKind::Text)]
#[case("data.gift", ValueKind::Null)]
#[case("data", ValueKind::Map)]
#[case("data.customer.first == 'a'", ValueKind::Text)]
#[case("has(data.gift.wrapped)", ValueKind::Null)]
#[case("data.customer > 1", ValueKind::Number)]
#[case("data.total > 'a'", ValueKind::Text)]
#[case("data.gift > 1", ValueKind::Null)]
#[case("data.tags < data.tags", ValueKind::List)]
#[case("data.customer + data.customer == 'alicealice'", ValueKind::Text)]
#[case("data.tags + data.tags == 1", ValueKind::List)]
#[case("-data.customer == 1", ValueKind::Text)]
#[case("data.price % 2.0 == 1", ValueKind::Number)]
#[case("!data.total", ValueKind::Number)]
#[case("data.total && true", ValueKind::Number)]
#[case("data.total ? true : false", ValueKind::Number)]
#[case("'a' in 'abc'", ValueKind::Text)]
#[case("1 in data.address", ValueKind::Number)]
#[case("data.total.contains('3')", ValueKind::Number)]
#[case("data.customer.contains(data.total)", ValueKind::Number)]
#[case("size(data.total) == 1", ValueKind::Number)]
#[case("data.customer.exists(c, true)", ValueKind::Text)]
#[case("data.address.exists(key, true)", ValueKind::Map)]
#[case("data.items.exists(item, item.name)", ValueKind::Text)]
#[case("data.total[0] == 1", ValueKind::Number)]
#[case("data.on_call[true] == 1", ValueKind::Bool)]
#[case("data.on_call[0.5] == 1", ValueKind::Number)]
fn a_value_of_the_wrong_kind_is_told(#[case] source: &str, #[case] kind: ValueKind) {
    match condition(source) {
        Err(EvaluateError::Type { found, .. }) => assert_eq!(found, kind, "{source}"),
        other => panic!("{source}: {other:?}"),
    }
}

#[rstest]
#[case("data.big + 1 > 0", EvaluateError::Overflow)]
#[case("-data.big - 2 > 0", EvaluateError::Overflow)]
#[case("data.big * 2 > 0", EvaluateError::Overflow)]
#[case("-(-data.big - 1) > 0", EvaluateError::Overflow)]
#[case("(-data.big - 1) / -1 > 0", EvaluateError::Overflow)]
#[case("data.beyond * 10 > 0", EvaluateError::Overflow)]
#[case("1 / data.zero > 0", EvaluateError::DivisionByZero)]
#[case("1 % data.zero > 0", EvaluateError::DivisionByZero)]
#[case("1.0 / data.zero > 0", EvaluateError::DivisionByZero)]
#[case("data.zero / 0.0 > 0", EvaluateError::DivisionByZero)]
fn arithmetic_out_of_range_is_an_error_and_never_a_wrong_number(
    #[case] source: &str,
    #[case] error: EvaluateError,
) {
    assert_eq!(condition(source), Err(error), "{source}");
}

#[rstest]
#[case("recipient.id == 'alice'", Absent::Recipient)]
#[case("history('order.placed', '30d') > 0", Absent::History { event_type: "order.placed".to_owned() })]
#[case("in_topic('staff')", Absent::Topic { topic: "staff".to_owned() })]
fn what_was_not_loaded_is_an_error(#[case] source: &str, #[case] absent: Absent) {
    let (data, event) = (data(), Json::Null);
    let scope = Scope { data: &data, event: &event, recipient: None, lookups: &NoLookups };
    let expression = Expression::compile(source).unwrap();
    assert_eq!(expression.condition(&scope), Err(EvaluateError::NotLoaded(absent)));
}

#[rstest]
#[case("data.customer", "Text(\"alice\")")]
#[case("data.on_call", "List([String(\"bob\"), String(\"carol\")])")]
#[case("[data.customer, 1, [null]]", "Written([Text(\"alice\"), Int(1), Written([Null])])")]
#[case("data.huge", "Double(1.8446744073709552e19)")]
#[case("data.paid ? 'yes' : 'no'", "Text(\"yes\")")]
#[case("data.data", "Text(\"inner\")")]
fn a_value_is_what_the_source_says(#[case] source: &str, #[case] expected: &str) {
    assert_eq!(value(source).as_deref(), Ok(expected));
}

#[test]
fn a_text_of_the_event_is_borrowed_and_not_copied() {
    let (data, event) = (data(), Json::Null);
    let expression = Expression::compile("event.data.address.city").unwrap();
    let scope = Scope { data: &data, event: &event, recipient: None, lookups: &NoLookups };
    let Outcome::Text(text) = expression.evaluate(&scope).unwrap() else { panic!("a text") };
    assert!(std::ptr::eq(text, data["address"]["city"].as_str().unwrap()));
}

#[test]
fn what_an_expression_reads_is_known_without_evaluating_it() {
    let source = "data.items.exists(i, i.price > data.limits[0].low && i.name in data['a b']) \
                  && recipient.interests.running > 0.5 && history('order.placed', '90d') > 1 \
                  && history('order.placed', '90d') < 9 && in_topic('staff') && has(event.data.x) && data.list[data.at] == 1";
    let uses = Expression::compile(source).unwrap().uses().clone();
    assert!(uses.recipient);
    assert_eq!(uses.histories, [("order.placed".to_owned(), Span::from_days(90))]);
    assert_eq!(uses.topics, [TopicId::new("staff").unwrap()]);
    let fields = [
        "data.at",
        "data.items",
        "data.limits[0].low",
        "data.list",
        "data.x",
        "data[\"a b\"]",
        "recipient.interests.running",
    ];
    assert_eq!(uses.fields, fields);
    assert!(!Expression::compile("data.recipient == 'x'").unwrap().uses().recipient);
    assert!(Expression::compile("has(recipient.x)").unwrap().uses().recipient);
}

#[test]
fn expressions_are_equal_if_their_sources_are() {
    let compile = |source| Expression::compile(source).unwrap();
    assert_eq!(compile("data.a"), compile("data.a"));
    assert_ne!(compile("data.a"), compile("data.a "));
    assert_eq!(compile("data.a ").source(), "data.a ");
}

#[rstest]
#[case("data.paid", true)]
#[case("data.items[0]", true)]
#[case("data.total > 0", true)]
#[case("!data.paid", true)]
#[case("data.paid ? 1 : data.flag", true)]
#[case("in_topic('staff')", true)]
#[case("history('order.placed', '90d')", false)]
#[case("size(data.items)", false)]
#[case("data.total + 1", false)]
#[case("-data.total", false)]
#[case("'data.paid'", false)]
#[case("data.paid ? 1 : 0", false)]
#[case("[true]", false)]
#[case("data", false)]
#[case("null", false)]
fn what_can_never_be_a_condition_is_known_beforehand(#[case] source: &str, #[case] can_be: bool) {
    assert_eq!(Expression::compile(source).unwrap().can_be_condition(), can_be);
}
