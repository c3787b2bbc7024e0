//! Every rule, asked about this repository. A failure names each file and what to do.

use std::sync::LazyLock;

use tidings_tidy::{
    Finding, Repository, arrows, documents, escapes, lints, migrations, names, ports, privacy, purity,
    readme, size, told,
};

static REPOSITORY: LazyLock<Repository> =
    LazyLock::new(|| Repository::open().expect("the tests run in a clone of the repository"));

#[track_caller]
fn assert_none(findings: &[Finding]) {
    assert!(findings.is_empty(), "{} found:{}", findings.len(), told(findings));
}

#[test]
fn there_are_no_arrows_but_those_of_the_picture() {
    let members = arrows::members(&REPOSITORY).unwrap();
    assert!(members.len() >= 10, "only {} crates were found", members.len());
    assert_none(&arrows::other_arrows(&members));
}

#[test]
fn what_decides_is_built_on_nothing_that_acts() {
    for (name, _) in purity::PURE {
        let built_on = purity::built_on(&REPOSITORY, name).unwrap();
        assert!(built_on.iter().any(|used| used == name), "cargo tree does not know {name}");
        assert_none(&purity::acting_crates(name, &built_on));
    }
}

#[test]
fn what_acts_is_found_below_the_server() {
    let built_on = purity::built_on(&REPOSITORY, "tidings-server").unwrap();
    assert!(!purity::acting_crates("tidings-server", &built_on).is_empty());
}

#[test]
fn what_decides_names_no_clock_and_no_random_order() {
    assert_none(&purity::unsteady_names(&REPOSITORY));
}

#[test]
fn no_file_is_longer_than_600_lines() {
    assert_none(&size::long_files(&REPOSITORY));
}

#[test]
fn nine_files_of_ten_have_at_most_400_lines() {
    assert_none(&size::too_many_long_files(&REPOSITORY));
}

#[test]
fn the_lints_of_the_workspace_are_on_for_every_crate() {
    assert_none(&lints::missing_lints(&REPOSITORY));
}

#[test]
fn every_clippy_file_has_the_shared_entries_and_70_lines_a_function() {
    assert_none(&lints::missing_shared_entries(&REPOSITORY));
}

#[test]
fn every_public_face_is_documented() {
    assert_none(&lints::undocumented_faces(&REPOSITORY));
}

#[test]
fn modules_are_named_by_their_file() {
    assert_none(&names::mod_files(&REPOSITORY));
}

#[test]
fn every_name_says_something() {
    assert_none(&names::empty_names(&REPOSITORY));
}

#[test]
fn no_lint_is_silenced_without_expecting_it() {
    assert_none(&escapes::silenced_lints(&REPOSITORY));
}

#[test]
fn every_test_runs() {
    assert_none(&escapes::skipped_tests(&REPOSITORY));
}

#[test]
fn no_code_is_left_to_be_written() {
    assert_none(&escapes::holes(&REPOSITORY));
}

#[test]
fn nothing_is_unwrapped_outside_of_tests() {
    assert_none(&escapes::unwraps(&REPOSITORY));
}

#[test]
fn every_note_of_something_to_do_names_its_issue() {
    assert_none(&escapes::notes_without_issue(&REPOSITORY));
}

#[test]
fn migrations_are_numbered_and_paired() {
    assert_none(&migrations::broken_rows(&REPOSITORY));
}

#[test]
fn no_port_has_more_than_twelve_methods() {
    let ports = ports::ports(&REPOSITORY);
    assert!(ports.len() >= 2, "only {} ports were found", ports.len());
    assert_none(&ports::wide_ports(&ports));
}

#[test]
fn every_method_of_a_port_has_a_contract_test() {
    assert_none(&ports::methods_without_contract(&REPOSITORY, &ports::ports(&REPOSITORY)));
}

#[test]
fn nothing_tells_where_or_with_what_it_was_made() {
    assert_none(&privacy::named_places(&REPOSITORY));
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    assert_none(&documents::broken_links(&REPOSITORY));
}

#[test]
fn every_path_that_a_document_names_is_there() {
    assert_none(&documents::missing_paths(&REPOSITORY));
}

#[test]
fn every_decision_is_numbered_and_listed() {
    assert_none(&documents::unlisted_decisions(&REPOSITORY));
}

#[test]
fn every_fragment_of_the_changelog_tells_its_kind() {
    assert_none(&documents::misnamed_fragments(&REPOSITORY));
}

#[test]
fn every_command_of_the_readme_exists() {
    let packages: Vec<String> =
        arrows::members(&REPOSITORY).unwrap().into_iter().map(|member| member.name).collect();
    assert_none(&readme::missing_commands(&REPOSITORY, &packages, &readme::binary_commands(&REPOSITORY)));
}
