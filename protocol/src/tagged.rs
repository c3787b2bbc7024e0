//! Reading what a tag tells apart. serde keeps all fields in memory until it has found the tag; the relay writes the tag
//! first, so the largest kind, which is most of what a device reads, is read at once.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// A type that an inner tag tells apart.
pub(crate) trait Tagged: Sized {
    /// The name of the field that is the tag.
    const TAG: &'static str;
    /// The kind that is read at once.
    const LARGEST: &'static str;
    /// What that kind has beside the tag.
    type Largest: for<'de> Deserialize<'de>;

    fn largest(fields: Self::Largest) -> Self;

    /// Reads any kind from all its fields, wherever the tag stands.
    fn any<'de, D: Deserializer<'de>>(fields: D) -> Result<Self, D::Error>;
}

/// Reads a value, at once if it begins with its tag and is of the largest kind.
pub(crate) fn deserialize<'de, T: Tagged, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(Fields(PhantomData))
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Tagged> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with `{}`", T::TAG)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut fields = Map::new();
        if let Some((name, value)) = map.next_entry::<String, Value>()? {
            if name == T::TAG && value == T::LARGEST {
                return T::Largest::deserialize(MapAccessDeserializer::new(map)).map(T::largest);
            }
            fields.insert(name, value);
        }
        while let Some((name, value)) = map.next_entry()? {
            fields.insert(name, value);
        }
        T::any(Value::Object(fields)).map_err(Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::frame::RelayFrame;
    use crate::item::Item;

    fn notification() -> serde_json::Value {
        json!({"kind": "notification", "id": "n1", "place": 3, "category": "orders", "priority": "later", "title": "订单",
            "because": {"text": "you ordered it"}, "created_at": "2026-11-22T09:00:00.000Z",
            "expires_at": "2026-11-23T09:00:00.000Z", "not_known_yet": [1]})
    }

    #[test]
    fn a_kind_is_read_alike_wherever_its_tag_stands() {
        let fields = notification();
        let fields = fields.as_object().unwrap();
        let written = |names: &[&String]| {
            let fields =
                names.iter().map(|name| format!("{:?}: {}", name, fields[*name])).collect::<Vec<_>>();
            format!("{{{}}}", fields.join(", "))
        };
        let mut names: Vec<&String> = fields.keys().filter(|name| *name != "kind").collect();
        let tag = "kind".to_owned();
        names.insert(0, &tag);
        let first: Item = serde_json::from_str(&written(&names)).unwrap();
        let Item::Notification(item) = &first else { panic!("{first:?}") };
        assert_eq!((item.content.title.as_str(), item.place), ("订单", 3));
        for place in 1..names.len() {
            names.swap(place - 1, place);
            assert_eq!(serde_json::from_str::<Item>(&written(&names)).unwrap(), first, "{names:?}");
        }
    }

    #[test]
    fn a_frame_has_items_of_kinds_that_are_not_known_and_frames_may_be_such() {
        let page = json!({"t": "changes", "from": null, "to": "e.1", "more": false, "reset": true,
            "items": [notification(), {"kind": "later", "x": 1}, {"kind": "retracted", "id": "n2"}]});
        let RelayFrame::Changes(page) = serde_json::from_str(&page.to_string()).unwrap() else {
            panic!("no page")
        };
        assert!(matches!(&page.items[..], [Item::Notification(_), Item::Unknown, Item::Retracted { .. }]));
        assert_eq!(
            serde_json::from_str::<RelayFrame>(r#"{"t": "later", "x": 1}"#).unwrap(),
            RelayFrame::Unknown
        );
        for wrong in [r#"{"x": 1}"#, "{}", "[]", r#"{"t": "changes"}"#, r#"{"t": 1, "to": "e.1"}"#] {
            assert!(serde_json::from_str::<RelayFrame>(wrong).is_err(), "{wrong}");
        }
    }
}
