//! What a receipt teaches of its recipient.
//!
//! Only what a rule of the live configuration makes use of is learned, and only of somebody who does not refuse
//! profiling. It moves neither number of the inbox.

use tidings_protocol::{DeviceReceipt, NotificationId, Timestamp};

use crate::plan::zone_of;
use crate::work::Work;

/// Learns from the first receipt of a kind on a notification, before the receipt is written down.
pub(super) fn learn(work: &mut Work<'_>, id: &NotificationId, receipt: DeviceReceipt, at: Timestamp) {
    let person = work.notification(id).expect("the caller looked it up").person.clone();
    let configuration = &work.live(&person.project).configuration;
    let known = work.person(&person);
    let allowed = known.recipient.as_ref().is_some_and(|known| known.preferences.allows_profiling());
    if !allowed {
        return;
    }
    if configuration.learns.hours && is_of_a_person(receipt) {
        let (zone, now) = (zone_of(known, configuration), work.now());
        work.inbox_mut(&person).learned.hours.active(at, &zone, now);
    }
}

/// Whether it shows that somebody was there. A notification is displayed by a machine, whoever looks at it, and swept
/// away by one as well.
const fn is_of_a_person(receipt: DeviceReceipt) -> bool {
    match receipt {
        DeviceReceipt::Read | DeviceReceipt::Clicked | DeviceReceipt::Acted | DeviceReceipt::Acknowledged => {
            true
        }
        DeviceReceipt::Displayed | DeviceReceipt::Dismissed => false,
    }
}
