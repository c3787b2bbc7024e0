//! What this machine gives a relay: disk and open files. Linux tells the limit in `/proc`; where it does not, and where
//! there is no `df`, the check says that it was not made.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Finding;

/// Below this the next checkpoint of the database may not fit, in KiB: 1 GiB.
const FREE_KIB_MIN: u64 = 1 << 20;
/// One file for each device that is connected, and some for the relay itself.
const OPEN_FILES_MIN: u64 = 4_096;

pub(super) fn findings(folder: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    if folder.is_dir() {
        findings.push(disk(free_kib(folder)));
    }
    findings.push(open_files(fs::read_to_string("/proc/self/limits").ok().as_deref()));
    findings
}

fn disk(free_kib: Option<u64>) -> Finding {
    match free_kib {
        None => Finding::not_checked("disk", "how much is free is not known", "see that `df` runs here"),
        Some(free) if free < FREE_KIB_MIN => {
            let detail = format!("{} MiB are free where the data folder is", free >> 10);
            Finding::wrong(
                "disk",
                detail,
                "free some space, or move the data folder: a full disk refuses events",
            )
        }
        Some(free) => Finding::ok("disk", format!("{} MiB are free where the data folder is", free >> 10)),
    }
}

/// POSIX fixes the form of `df -Pk`: a head, then a line whose fourth column is what is free.
fn free_kib(folder: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg("--").arg(folder).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

fn open_files(limits: Option<&str>) -> Finding {
    let line = limits.and_then(|limits| limits.lines().find(|line| line.starts_with("Max open files")));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    match soft.map(str::parse::<u64>) {
        Some(Ok(files)) if files < OPEN_FILES_MIN => Finding::advice(
            "limits",
            format!("a process may open {files} files here, which is one for each connected device"),
            "raise it before `tidings serve`: ulimit -n 65536, or LimitNOFILE= in the systemd unit",
        ),
        Some(Ok(files)) => Finding::ok("limits", format!("a process may open {files} files here")),
        Some(Err(_)) => Finding::ok("limits", "a process may open any number of files here"),
        None => Finding::not_checked("limits", "how many files may be open is not known", "see `ulimit -n`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::State;

    fn limits(soft: &str) -> String {
        format!(
            "Limit                     Soft Limit           Hard Limit           Units\nMax open files            {soft}                 524288               files\n"
        )
    }

    #[test]
    fn a_gibibyte_is_enough_and_less_is_not() {
        assert_eq!(disk(Some(1 << 20)).state, State::Ok);
        assert_eq!(disk(Some((1 << 20) - 1)).state, State::Wrong);
        assert_eq!(disk(None).state, State::NotChecked);
    }

    #[test]
    fn few_open_files_are_told() {
        assert_eq!(open_files(Some(&limits("1024"))).state, State::Advice);
        assert_eq!(open_files(Some(&limits("4096"))).state, State::Ok);
        assert_eq!(open_files(Some(&limits("unlimited"))).state, State::Ok);
        assert_eq!(open_files(None).state, State::NotChecked);
    }
}
