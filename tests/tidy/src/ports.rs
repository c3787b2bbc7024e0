//! Ports stay narrow, and each of their methods stands in the contract that every store is held to.

use crate::finding::Finding;
use crate::repository::Repository;
use crate::rust_text::is_whole_word;

/// Methods that one port may have.
pub const METHODS_MAX: usize = 12;

const PORTS: &str = "relay/core/src/ports/";
/// Its ports are the shell's: a clock and a source of ids are no rows, so no store has them.
const OF_THE_SHELL: &str = "relay/core/src/ports/world.rs";

/// A trait and its methods.
#[derive(Debug, PartialEq, Eq)]
pub struct Port {
    /// The file that it stands in.
    pub path: String,
    /// Its name.
    pub name: String,
    /// The names of its methods.
    pub methods: Vec<String>,
}

/// Every trait of the core's ports.
pub fn ports(repository: &Repository) -> Vec<Port> {
    let mut ports = Vec::new();
    for (file, rust) in repository.rust_files().filter(|(file, _)| file.path.starts_with(PORTS)) {
        let starts = rust.shipped.match_indices("trait ");
        for (at, keyword) in starts {
            if rust.shipped[..at].chars().next_back().is_some_and(|c| !c.is_whitespace()) {
                continue;
            }
            let after = &rust.shipped[at + keyword.len()..];
            ports.push(Port {
                path: file.path.clone(),
                name: first_name(after),
                methods: methods(body(after)),
            });
        }
    }
    ports
}

/// Ports with too many methods.
pub fn wide_ports(ports: &[Port]) -> Vec<Finding> {
    ports
        .iter()
        .filter(|port| port.methods.len() > METHODS_MAX)
        .map(|port| {
            let (name, count) = (&port.name, port.methods.len());
            let advice = format!(
                "`{name}` has {count} methods, at most {METHODS_MAX}: split it by the flows that use it"
            );
            Finding::of_file(&port.path, advice)
        })
        .collect()
}

/// Methods of the store's ports that no contract test calls.
pub fn methods_without_contract(repository: &Repository, ports: &[Port]) -> Vec<Finding> {
    let contract: Vec<&str> = repository
        .rust_files()
        .filter(|(file, _)| is_contract(&file.path))
        .map(|(_, rust)| rust.code.as_str())
        .collect();
    let is_called = |method: &str| {
        contract.iter().any(|code| {
            code.match_indices(method)
                .any(|(at, _)| is_whole_word(code, at, method) && code[..at].ends_with(['.', ':']))
        })
    };
    let mut findings = Vec::new();
    for port in ports.iter().filter(|port| port.path != OF_THE_SHELL) {
        for method in port.methods.iter().filter(|method| !is_called(method)) {
            let advice = format!(
                "no contract test calls `{}::{method}`: add one under relay/store, in a file or folder named `contract`",
                port.name
            );
            findings.push(Finding::of_file(&port.path, advice));
        }
    }
    findings
}

fn is_contract(path: &str) -> bool {
    path.starts_with("relay/store/") && path.split(['/', '.']).any(|part| part == "contract")
}

fn first_name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// What stands between the first brace and its partner.
fn body(text: &str) -> &str {
    let Some(open) = text.find('{') else { return "" };
    let mut depth = 0_usize;
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at < open) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[open + 1..at];
        }
    }
    &text[open + 1..]
}

fn methods(body: &str) -> Vec<String> {
    let is_start = |at: usize| body[..at].chars().next_back().is_none_or(char::is_whitespace);
    body.match_indices("fn ")
        .filter(|(at, _)| is_start(*at))
        .map(|(at, f)| first_name(&body[at + f.len()..]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{METHODS_MAX, methods_without_contract, ports, wide_ports};
    use crate::repository::Repository;

    fn port(methods: usize) -> String {
        let methods: String = (0..methods).map(|n| format!("    async fn m{n}(&self) -> u8;\n")).collect();
        format!(
            "/// A trait fn of words.\n#[async_trait]\npub trait Reader: Send {{\n{methods}}}\nstruct After;\n"
        )
    }

    #[test]
    fn a_port_of_thirteen_methods_is_found() {
        for (count, found) in [(METHODS_MAX, 0), (METHODS_MAX + 1, 1)] {
            let text = port(count);
            let ports = ports(&Repository::of(&[("relay/core/src/ports/read.rs", &text)]));
            assert_eq!(ports[0].methods.len(), count);
            assert_eq!(wide_ports(&ports).len(), found);
        }
    }

    #[test]
    fn a_method_that_no_contract_test_calls_is_found() {
        let text = port(2);
        let of_store = ("relay/core/src/ports/read.rs", text.as_str());
        let of_shell = ("relay/core/src/ports/world.rs", text.as_str());
        let contract =
            ("relay/store/tests/contract/reading.rs", "fn m1() { store.m0().await; } // store.m1()\n");
        let repository = Repository::of(&[of_store, of_shell, contract]);
        let findings = methods_without_contract(&repository, &ports(&repository));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].advice.contains("`Reader::m1`"));
    }
}
