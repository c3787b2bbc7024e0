//! The words of a notification as bytes: a byte for the form, numbers of eight bytes, then texts, each behind its length.
//! JSON, the first form, takes five times as long to read, and a list opens fifty at a time. It begins with a brace, which
//! is no form's number.

use tidings_protocol::Priority;
use tidings_protocol::item::{ActionItem, Because, ContentItem, NotificationItem};

use super::Words;

/// The number of this form.
const SECOND: u8 = 2;
/// The length of a text that is not there.
const ABSENT: u32 = u32::MAX;

/// Something stands where these bytes cannot have it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the words of a notification are of no form that is known")]
pub(super) struct FormError;

pub(super) fn write(item: &NotificationItem) -> Vec<u8> {
    let NotificationItem { content, because, .. } = item;
    let mut bytes = Vec::with_capacity(256 + content.title.len() + content.body.len());
    bytes.push(SECOND);
    bytes.extend(item.place.to_le_bytes());
    bytes.extend(item.created_at.as_millis().to_le_bytes());
    bytes.extend(item.expires_at.as_millis().to_le_bytes());
    bytes.push(u8::from(item.needs_acknowledgement));
    let texts = [
        Some(item.category.as_str()),
        Some(item.priority.as_str()),
        item.collapse.as_deref(),
        because.rule.as_deref(),
        because.event_type.as_deref(),
        Some(&*because.text),
        Some(&*content.title),
        Some(&*content.body),
        content.link.as_deref(),
        content.icon.as_deref(),
        content.image.as_deref(),
    ];
    texts.into_iter().for_each(|text| put(&mut bytes, text));
    put_length(&mut bytes, content.actions.len());
    for action in &content.actions {
        bytes.push(u8::from(action.acknowledges));
        [Some(&*action.id), Some(&*action.label), action.link.as_deref()]
            .into_iter()
            .for_each(|text| put(&mut bytes, text));
    }
    bytes
}

fn put(bytes: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => {
            put_length(bytes, text.len());
            bytes.extend(text.as_bytes());
        }
        None => bytes.extend(ABSENT.to_le_bytes()),
    }
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect("a frame has far less than 4 GiB");
    bytes.extend(length.to_le_bytes());
}

/// None if the bytes are of the first form.
pub(super) fn read(bytes: &[u8]) -> Option<Result<Words, FormError>> {
    let (form, rest) = bytes.split_first()?;
    (*form == SECOND).then(|| Rest(rest).words())
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// In the order of [`write`].
    fn words(mut self) -> Result<Words, FormError> {
        Ok(Words {
            place: u64::from_le_bytes(self.take()?),
            created_at: i64::from_le_bytes(self.take()?),
            expires_at: i64::from_le_bytes(self.take()?),
            needs_acknowledgement: self.truth()?,
            category: self.text()?.parse().map_err(|_| FormError)?,
            priority: self.text()?.parse().unwrap_or(Priority::Normal),
            collapse: self.owned_maybe()?,
            because: Because {
                rule: self.owned_maybe()?,
                event_type: self.owned_maybe()?,
                text: self.text()?.to_owned(),
            },
            content: ContentItem {
                title: self.text()?.to_owned(),
                body: self.text()?.to_owned(),
                link: self.owned_maybe()?,
                icon: self.owned_maybe()?,
                image: self.owned_maybe()?,
                actions: self.actions()?,
            },
        })
    }

    /// They are the last.
    fn actions(mut self) -> Result<Vec<ActionItem>, FormError> {
        let count = u32::from_le_bytes(self.take()?);
        let actions = (0..count).map(|_| {
            Ok(ActionItem {
                acknowledges: self.truth()?,
                id: self.text()?.to_owned(),
                label: self.text()?.to_owned(),
                link: self.owned_maybe()?,
            })
        });
        let actions = actions.collect::<Result<_, _>>()?;
        if self.0.is_empty() { Ok(actions) } else { Err(FormError) }
    }

    fn owned_maybe(&mut self) -> Result<Option<String>, FormError> {
        Ok(self.text_maybe()?.map(str::to_owned))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], FormError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(FormError)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn truth(&mut self) -> Result<bool, FormError> {
        self.take().map(|[byte]| byte != 0)
    }

    fn text(&mut self) -> Result<&'a str, FormError> {
        self.text_maybe()?.ok_or(FormError)
    }

    fn text_maybe(&mut self) -> Result<Option<&'a str>, FormError> {
        let length = u32::from_le_bytes(self.take()?);
        if length == ABSENT {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| FormError)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(FormError)?;
        self.0 = rest;
        std::str::from_utf8(text).map(Some).map_err(|_| FormError)
    }
}

#[cfg(test)]
mod tests {
    use tidings_protocol::Timestamp;
    use tidings_protocol::item::View;

    use super::*;

    fn whole() -> NotificationItem {
        let action = |link: Option<&str>, acknowledges| ActionItem {
            id: "track".to_owned(),
            label: "跟踪".to_owned(),
            link: link.map(str::to_owned),
            acknowledges,
        };
        NotificationItem {
            id: "n1".parse().unwrap(),
            place: u64::MAX,
            category: "orders".parse().unwrap(),
            priority: Priority::Urgent,
            content: ContentItem {
                title: "订单".to_owned(),
                body: String::new(),
                link: Some("https://shop.example/1".to_owned()),
                icon: Some("https://shop.example/i".to_owned()),
                image: Some("https://shop.example/p".to_owned()),
                actions: vec![action(None, true), action(Some("https://shop.example/t"), false)],
            },
            collapse: Some(String::new()),
            needs_acknowledgement: true,
            round: 0,
            because: Because {
                rule: Some("order_placed".to_owned()),
                event_type: Some("order.placed".to_owned()),
                text: "you ordered it".to_owned(),
            },
            created_at: Timestamp::from_millis(-1),
            expires_at: Timestamp::from_millis(i64::MAX),
            view: View::default(),
        }
    }

    fn bare() -> NotificationItem {
        NotificationItem {
            content: ContentItem { title: "订单".to_owned(), ..ContentItem::default() },
            collapse: None,
            needs_acknowledgement: false,
            because: Because::default(),
            ..whole()
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for item in [whole(), bare()] {
            let read = read(&write(&item)).unwrap().unwrap();
            assert_eq!(read.item(item.id.clone(), 0, View::default()), item);
        }
    }

    #[test]
    fn bytes_that_end_early_or_late_are_no_words() {
        let bytes = write(&whole());
        for end in 1..bytes.len() {
            assert!(read(&bytes[..end]).unwrap().is_err(), "the first {end} bytes of {}", bytes.len());
        }
        assert!(read(&[&bytes[..], b"\0"].concat()).unwrap().is_err());
    }

    #[test]
    fn json_is_no_second_form() {
        assert!(read(b"{}").is_none() && read(b"").is_none());
    }
}
