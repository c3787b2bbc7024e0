//! Who may: tokens that prove nothing, keys that open one thing, projects that share every id, a log that tells nothing.

#[path = "isolation/keys.rs"]
mod keys;
#[path = "isolation/log.rs"]
mod log;
#[path = "isolation/sign_in.rs"]
mod sign_in;
#[path = "isolation/tenants.rs"]
mod tenants;
#[path = "isolation/tokens.rs"]
mod tokens;
