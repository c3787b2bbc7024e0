use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn ids(source: &str) -> Result<Vec<String>, EvaluateError> {
    with_scope(|scope| Expression::compile(source).unwrap().ids(scope))
}

fn key(source: &str) -> Result<String, EvaluateError> {
    with_scope(|scope| Expression::compile(source).unwrap().key(scope))
}

fn key_of(data: &Json) -> String {
    let scope = Scope { data, event: &Json::Null, recipient: None, lookups: &NoLookups };
    Expression::compile("data").unwrap().key(&scope).unwrap()
}

#[rstest]
#[case("data.customer", &["alice"])]
#[case("data.total", &["30"])]
#[case("data.one_double", &["1"])]
#[case("data.on_call", &["bob", "carol"])]
#[case("data.ids", &["7", "8", "x"])]
#[case("['ops', data.customer, data.total, 'ops']", &["ops", "alice", "30"])]
#[case("data.on_call[1]", &["carol"])]
#[case("[]", &[])]
fn ids_are_texts_each_once_in_order(#[case] source: &str, #[case] expected: &[&str]) {
    assert_eq!(ids(source).unwrap(), expected);
    assert_eq!(with_scope(|scope| Expression::compile(source).unwrap().texts(scope)).unwrap(), expected);
}

#[rstest]
#[case("data.gift", ValueKind::Null)]
#[case("data.paid", ValueKind::Bool)]
#[case("data.address", ValueKind::Map)]
#[case("[data.on_call]", ValueKind::List)]
#[case("[['a']]", ValueKind::List)]
#[case("[null]", ValueKind::Null)]
#[case("data.items", ValueKind::Map)]
#[case("data.price", ValueKind::Number)]
#[case("data.huge", ValueKind::Number)]
fn what_names_nobody_is_no_id(#[case] source: &str, #[case] kind: ValueKind) {
    match ids(source) {
        Err(EvaluateError::Type { found, .. }) => assert_eq!(found, kind),
        other => panic!("{source}: {other:?}"),
    }
}

#[test]
fn an_empty_text_is_no_id() {
    assert_eq!(ids("data.empty"), Err(EvaluateError::EmptyId));
    assert_eq!(ids("['a', '']"), Err(EvaluateError::EmptyId));
    assert!(matches!(ids("data.nothing"), Err(EvaluateError::MissingField { .. })));
}

#[test]
fn a_thousand_ids_are_taken_and_one_more_is_not() {
    let expression = Expression::compile("data").unwrap();
    let count = |count: usize| {
        let data: Json = (0..count).collect();
        let scope = Scope { data: &data, event: &Json::Null, recipient: None, lookups: &NoLookups };
        expression.ids(&scope).map(|ids| ids.len())
    };
    assert_eq!(count(IDS_MAX), Ok(IDS_MAX));
    assert_eq!(count(IDS_MAX + 1), Err(EvaluateError::TooMany { count: IDS_MAX + 1, max: IDS_MAX }));
}

#[rstest]
#[case("1", "data.one", true)]
#[case("1", "1.0", true)]
#[case("data.one", "data.one_double", true)]
#[case("0", "-0.0", true)]
#[case("1", "'1'", false)]
#[case("1", "1.5", false)]
#[case("true", "'true'", false)]
#[case("'n:1'", "1", false)]
#[case("data.same", "data.same_too", true)]
#[case("data.tags", "['lamp', 'light']", true)]
#[case("['a', 'b']", "['a,s1:b']", false)]
#[case("['1']", "[1]", false)]
#[case("[[1], 2]", "[[1, 2]]", false)]
#[case("['ab', 'c']", "['a', 'bc']", false)]
#[case("data.customer", "'alice'", true)]
fn keys_are_equal_exactly_if_values_are(#[case] left: &str, #[case] right: &str, #[case] equal: bool) {
    assert_eq!(key(left).unwrap() == key(right).unwrap(), equal, "{left} {right}");
}

#[test]
fn a_key_says_its_type() {
    assert_eq!(key("data.customer").unwrap(), "s:alice");
    assert_eq!(key("data.one_double").unwrap(), "n:1");
    assert_eq!(key("data.price").unwrap(), "n:29.5");
    assert_eq!(key("data.paid").unwrap(), "b:true");
}

#[test]
fn null_has_no_key() {
    assert_eq!(key("data.gift"), Err(EvaluateError::MissingField { path: "data.gift".to_owned() }));
    assert_eq!(key("data.nothing"), Err(EvaluateError::MissingField { path: "data.nothing".to_owned() }));
}

#[test]
fn a_key_is_hashed_as_soon_as_it_is_longer_than_the_limit() {
    let whole = key_of(&json!("a".repeat(KEY_BYTES_MAX - 2)));
    assert_eq!(whole.len(), KEY_BYTES_MAX);
    assert!(whole.starts_with("s:a"));
    let hashed = key_of(&json!("a".repeat(KEY_BYTES_MAX - 1)));
    assert!(hashed.starts_with("h:") && hashed.len() == 66, "{hashed}");
    assert_ne!(hashed, key_of(&json!("a".repeat(KEY_BYTES_MAX))));
    assert_ne!(hashed, key_of(&json!(["a".repeat(KEY_BYTES_MAX - 1)])));
}

#[test]
fn the_hash_of_a_long_key_never_changes() {
    let expected = "h:d6cb0a320f918d9141532d96c6bffd47cbbdadf7fd3f6e47fc06716734b61f2f";
    assert_eq!(key_of(&json!("a".repeat(200))), expected);
}

/// JSON of every kind, a few levels deep.
pub(super) fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-3_i64..3).prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[a-c]{0,3}".prop_map(Json::from),
        ".{0,8}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(Json::from_iter),
        ]
    })
}

proptest! {
    #[test]
    fn equal_values_and_only_they_have_equal_keys(left in any_json(), right in any_json()) {
        let data = json!({"left": left, "right": right});
        let scope = Scope { data: &data, event: &Json::Null, recipient: None, lookups: &NoLookups };
        let key = |source| Expression::compile(source).unwrap().key(&scope).ok();
        let equal = Expression::compile("data.left == data.right").unwrap().condition(&scope).unwrap();
        prop_assert_eq!(key("data.left") == key("data.right"), equal);
        let itself = Expression::compile("data.left == data.left").unwrap().condition(&scope).unwrap();
        prop_assert!(itself);
        prop_assert!(key("data.left").is_none_or(|key| key.len() <= KEY_BYTES_MAX));
    }

    #[test]
    fn numbers_have_one_order_whatever_their_kind(left in any::<i64>(), right in any::<f64>()) {
        prop_assume!(right.is_finite());
        let data = json!({"left": left, "right": right, "near": left as f64});
        let scope = Scope { data: &data, event: &Json::Null, recipient: None, lookups: &NoLookups };
        for other in ["right", "near"] {
            let holds = |operator: &str| {
                let source = format!("data.left {operator} data.{other}");
                Expression::compile(&source).unwrap().condition(&scope).unwrap()
            };
            let (less, equal, greater) = (holds("<"), holds("=="), holds(">"));
            prop_assert_eq!(usize::from(less) + usize::from(equal) + usize::from(greater), 1);
            let double = data[other].as_f64().unwrap();
            if double.abs() < 1e30 && double.fract() == 0.0 {
                let exact: i128 = format!("{double:.0}").parse().unwrap();
                prop_assert_eq!(less, i128::from(left) < exact);
                prop_assert_eq!(equal, i128::from(left) == exact);
            }
        }
    }
}
