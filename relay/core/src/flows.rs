//! Sequential async over ports: one verb a file. A flow never sleeps, spawns or selects.

mod commit;
mod node;
mod owners;

pub use commit::commit_together;
pub use node::{Configurations, Node, load_configuration};
pub use owners::owners_of;
