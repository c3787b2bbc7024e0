//! The signatures that the window is written against are those of the commands.

use std::fs;
use std::path::Path;

#[test]
fn the_committed_contract_is_the_one_of_the_commands() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/contract.ts");
    let made = tidings_desktop::contract();
    if std::env::var_os("UPDATE_CONTRACT").is_some() {
        fs::write(&path, &made).expect("it can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        made == committed,
        "run UPDATE_CONTRACT=1 cargo test -p tidings-desktop --test contract, and look at the change"
    );
}
