//! Commands of the README exist: scripts, paths, packages and the binary's own commands.

use crate::finding::Finding;
use crate::repository::Repository;

/// Commands that name what is not there. `packages` are the workspace's crates, `commands` the binary's.
pub fn missing_commands(repository: &Repository, packages: &[String], commands: &[String]) -> Vec<Finding> {
    const README: &str = "README.md";
    let Some(readme) = repository.file(README) else {
        return vec![Finding::of_file(README, "is missing: it holds the two commands for a fresh machine")];
    };
    let mut findings = Vec::new();
    for (line, command) in shell_lines(&readme.text) {
        for part in command.split(['|', ';', '&', '(', ')']) {
            let words: Vec<&str> = part.split_whitespace().filter(|word| !is_assignment(word)).collect();
            let absent = missing_paths(repository, &words)
                .into_iter()
                .chain(missing_packages(&words, packages))
                .chain(missing_command(&words, commands));
            findings.extend(absent.map(|advice| Finding::of_line(README, line, advice)));
        }
    }
    findings
}

/// The commands that the binary's parser derives: the variants of each enum that derives `Subcommand`.
pub fn binary_commands(repository: &Repository) -> Vec<String> {
    let mut commands = Vec::new();
    for (file, rust) in repository.rust_files().filter(|(file, _)| file.path.starts_with("relay/cli/src/")) {
        for derived in rust.shipped.split("Subcommand").skip(1) {
            let Some((_, after)) = derived.split_once("enum ") else { continue };
            commands.extend(variants(after).iter().map(|name| kebab(name)));
        }
        let named = file.text.split("command(name = \"").skip(1).filter_map(|after| after.split_once('"'));
        commands.extend(named.map(|(name, _)| name.to_owned()));
    }
    commands
}

/// Lines of fenced blocks for a shell, joined where a backslash ends one, with the line that each begins at.
fn shell_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let (mut fence, mut goes_on): (Option<&str>, bool) = (None, false);
    for (index, line) in text.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(language.trim()) };
            continue;
        }
        if !matches!(fence, Some("sh" | "bash" | "console" | "shell")) {
            continue;
        }
        let code = line.trim().trim_start_matches("$ ");
        let code = if code.starts_with('#') { "" } else { code.split(" #").next().unwrap_or_default() };
        let ends = code.strip_suffix('\\');
        match lines.last_mut().filter(|_| goes_on) {
            Some((_, before)) => before.push_str(ends.unwrap_or(code)),
            None => lines.push((index + 1, ends.unwrap_or(code).to_owned())),
        }
        goes_on = ends.is_some();
    }
    lines
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

/// Words that begin with a folder of the repository, and a command with a slash, name something that is there.
fn missing_paths(repository: &Repository, words: &[&str]) -> Vec<String> {
    let mut absent = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let path = word.trim_matches(['\'', '"', '@', '<']).trim_start_matches("./");
        let folder = path.split_once('/').map(|(folder, _)| folder);
        let is_ours = folder.is_some_and(|folder| !folder.is_empty() && repository.has(folder));
        let is_run = index == 0 && word.contains('/') && !word.starts_with('/') && !word.contains("target/");
        if (is_ours || is_run) && !repository.has(path) {
            absent.push(format!("`{word}` is not in the repository: mend the command"));
        }
    }
    absent
}

fn missing_packages(words: &[&str], packages: &[String]) -> Vec<String> {
    if words.first() != Some(&"cargo") {
        return Vec::new();
    }
    let named = words.windows(2).filter(|pair| pair[0] == "-p" || pair[0] == "--package").map(|pair| pair[1]);
    let absent = named.filter(|name| !packages.iter().any(|package| package == name));
    absent.map(|name| format!("`{name}` is no crate of the workspace: mend the command")).collect()
}

fn missing_command(words: &[&str], commands: &[String]) -> Option<String> {
    let first = match words {
        ["tidings", after @ ..] => after.first(),
        ["cargo", "run", after @ ..] => {
            let at = after.iter().position(|word| *word == "--")?;
            after.get(at + 1)
        }
        _ => None,
    }?;
    let is_name = first.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !first.starts_with('-');
    let is_there = commands.iter().any(|command| command == first);
    (is_name && !is_there).then(|| format!("`tidings {first}` is no command of the binary: mend the command"))
}

/// The names at the first level of an enum's body.
fn variants(after: &str) -> Vec<String> {
    let Some((_, body)) = after.split_once('{') else { return Vec::new() };
    let mut names = Vec::new();
    let (mut depth, mut name, mut is_named) = (0_i32, String::new(), false);
    for c in body.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => is_named = false,
            c if depth == 0 && (c.is_alphanumeric() || c == '_') && !is_named => name.push(c),
            _ => {}
        }
        let ends = !(c.is_alphanumeric() || c == '_');
        if ends && !name.is_empty() {
            names.push(std::mem::take(&mut name));
            is_named = c != ',';
        }
    }
    names
}

fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(c.to_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{binary_commands, missing_commands};
    use crate::repository::Repository;

    const CLI: &str = "#[derive(clap::Subcommand)]\nenum Command {\n    /// Serves, or not.\n    #[command(visible_alias = \"s\")]\n    Serve { listen: String },\n    DeadLetters(List),\n    Demo,\n}\nenum Other { Gone }\n";

    fn repository(readme: &str) -> Repository {
        Repository::of(&[
            ("README.md", readme),
            ("scripts/test", ""),
            ("relay/cli/src/main.rs", CLI),
            ("examples/shop/shop.yaml", ""),
        ])
    }

    #[test]
    fn commands_are_read_from_the_parser() {
        assert_eq!(binary_commands(&repository("")), ["serve", "dead-letters", "demo"]);
    }

    #[rstest]
    #[case::script("scripts/gone", 1)]
    #[case::there("scripts/test --quick  # twenty minutes", 0)]
    #[case::file("curl -d @examples/shop/gone.json $T/v1/events", 1)]
    #[case::apply("tidings apply examples/shop/shop.yaml", 1)]
    #[case::demo("cargo run --release -- demo", 0)]
    #[case::gone_command("cargo run -- gone", 1)]
    #[case::flag("tidings --help", 0)]
    #[case::package("cargo test -p tidings-gone", 1)]
    #[case::known_package("cargo test -p tidings-core", 0)]
    #[case::after_a_pipe("TIDINGS_KEY=x tidings serve | scripts/gone", 1)]
    #[case::over_two_lines("tidings \\\n  gone", 1)]
    fn a_command_that_does_not_exist_is_found(#[case] command: &str, #[case] found: usize) {
        let repository = repository(&format!("# A\n```sh\n{command}\n```\n```json\nscripts/gone\n```\n"));
        let packages = ["tidings-core".to_owned()];
        let findings = missing_commands(&repository, &packages, &binary_commands(&repository));
        assert_eq!(findings.len(), found, "{findings:?}");
    }

    #[test]
    fn a_missing_readme_is_found() {
        assert_eq!(missing_commands(&Repository::of(&[]), &[], &[]).len(), 1);
    }
}
