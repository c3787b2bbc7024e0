//! What is opened without signing in, and the delivery that a stranger's report is about.

use tidings_core::model::{Changes, Erased};
use tidings_core::ports::{Opens, PublicToken};
use tidings_protocol::{Channel, DeliveryState};

use crate::samples::*;
use crate::{Whole, on_every_store, write};

on_every_store!(
    a_token_that_is_kept_stays_as_it_is_and_opens_until_its_end,
    the_tokens_of_a_recipient_end_with_the_recipient,
    a_delivery_is_found_by_its_id_in_its_project_alone,
);

fn token(of: &str, number: u8, ends_after: Option<i64>) -> PublicToken {
    PublicToken {
        hash: [number; 32],
        person: person("p", of),
        opens: Opens::Unsubscribe { category: "offers".parse().unwrap(), channel: Channel::Email },
        made_at: at(0),
        expires_at: ends_after.map(at),
    }
}

async fn a_token_that_is_kept_stays_as_it_is_and_opens_until_its_end(store: impl Whole) {
    write(&store, 1, &known(&person("p", "anna"))).await;
    let (endless, ending) = (token("anna", 1, None), token("anna", 2, Some(5)));
    store.put_public_tokens(&[endless.clone(), ending.clone()], None).await.unwrap();
    let again = PublicToken { made_at: at(3), opens: Opens::Page, ..endless.clone() };
    store.put_public_tokens(&[again], None).await.unwrap();
    assert_eq!(store.public_token(&[1; 32], at(1_000_000)).await.unwrap(), Some(endless));
    assert_eq!(store.public_token(&[2; 32], at(4)).await.unwrap(), Some(ending));
    assert_eq!(store.public_token(&[2; 32], at(5)).await.unwrap(), None);
    assert_eq!(store.public_token(&[3; 32], at(0)).await.unwrap(), None);
}

async fn the_tokens_of_a_recipient_end_with_the_recipient(store: impl Whole) {
    let (anna, ben) = (person("p", "anna"), person("p", "ben"));
    write(&store, 1, &known(&anna)).await;
    write(&store, 2, &known(&ben)).await;
    store.put_public_tokens(&[token("anna", 1, None), token("ben", 2, None)], None).await.unwrap();
    let erased = vec![(anna, Erased { at: at(1), epoch: 7 })];
    write(&store, 3, &Changes { erased, ..Changes::default() }).await;
    assert_eq!(store.public_token(&[1; 32], at(2)).await.unwrap(), None);
    assert!(store.public_token(&[2; 32], at(2)).await.unwrap().is_some());
}

async fn a_delivery_is_found_by_its_id_in_its_project_alone(store: impl Whole) {
    let anna = person("p", "anna");
    let row = mail(&anna, "n1", DeliveryState::Waiting);
    let changes = Changes {
        notifications_new: vec![held(&anna, "n1", "e1")],
        deliveries_new: vec![row.clone()],
        ..known(&anna)
    };
    write(&store, 1, &changes).await;
    assert_eq!(store.delivery(&anna.project, &row.id).await.unwrap(), Some(row.clone()));
    assert_eq!(store.delivery(&person("q", "anna").project, &row.id).await.unwrap(), None);
    assert_eq!(store.delivery(&anna.project, "n2.email").await.unwrap(), None);
}
