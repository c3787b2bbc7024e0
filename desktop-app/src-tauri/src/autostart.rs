//! Whether the app starts when the person signs in to the computer: an entry in the folder that the desktop reads then.
//! Elsewhere than on Linux the system has its own way for it, in `src/window/whole.rs`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::problem::Problem;

const NAME: &str = "tidings-desktop.desktop";
/// Between double quotes these have a backslash before them (Desktop Entry Specification, "The Exec key").
const ESCAPED: [char; 4] = ['"', '`', '$', '\\'];

pub(crate) fn is_on() -> bool {
    // A desktop switches an entry off by hiding it.
    let text = file().and_then(|file| fs::read_to_string(file).map_err(failed));
    text.is_ok_and(|text| !text.lines().any(|line| line.trim() == "Hidden=true"))
}

pub(crate) fn set(on: bool) -> Result<(), Problem> {
    let file = file()?;
    let this = std::env::current_exe().map_err(failed)?;
    let done = if on { write(&file, &this) } else { remove(&file) };
    done.map_err(failed)
}

fn file() -> Result<PathBuf, Problem> {
    let folder = dirs::config_dir().ok_or_else(|| failed("there is no home folder"))?;
    Ok(folder.join("autostart").join(NAME))
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn failed(error: impl ToString) -> Problem {
    Problem::new("autostart_failed", error.to_string())
}

fn write(file: &Path, program: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, text(&program.to_string_lossy()))
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn text(program: &str) -> String {
    format!(
        "[Desktop Entry]\nType=Application\nName=Tidings\nIcon=tidings-desktop\nExec={} --hidden\nTerminal=false\n\
         NoDisplay=true\nX-GNOME-Autostart-enabled=true\n",
        quoted(program)
    )
}

/// A program's path as the key `Exec` takes it. The value itself is escaped once more as every string of an entry.
fn quoted(program: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@,:=".contains(c);
    if program.chars().all(is_plain) {
        return program.to_owned();
    }
    let mut argument = String::from('"');
    for c in program.chars() {
        match c {
            '%' => argument.push('%'),
            c if ESCAPED.contains(&c) => argument.push('\\'),
            _ => {}
        }
        argument.push(c);
    }
    argument.push('"');
    argument.replace('\\', "\\\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_the_specification_wants_it() {
        assert_eq!(quoted("/usr/bin/tidings-desktop"), "/usr/bin/tidings-desktop");
        assert_eq!(quoted("/opt/My Apps/100%/tidings"), r#""/opt/My Apps/100%%/tidings""#);
        assert_eq!(quoted(r#"/opt/a"$b"#), r#""/opt/a\\"\\$b""#);
    }

    #[test]
    fn an_entry_comes_and_goes_and_may_be_gone_already() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("autostart").join(NAME);
        write(&file, Path::new("/usr/bin/tidings-desktop")).unwrap();
        assert!(fs::read_to_string(&file).unwrap().contains("\nExec=/usr/bin/tidings-desktop --hidden\n"));
        remove(&file).unwrap();
        assert!(!file.exists());
        remove(&file).unwrap();
    }
}
