//! Whether the app starts when the person signs in to the computer: on Linux an entry in the folder that the desktop
//! reads then, elsewhere what the system has for it.

use tauri::AppHandle;

use crate::problem::Problem;

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn failed(error: impl ToString) -> Problem {
    Problem::new("autostart_failed", error.to_string())
}

#[cfg(target_os = "linux")]
pub(crate) use entry::{is_on, set};

#[cfg(target_os = "linux")]
mod entry {
    use std::fs;
    use std::io;
    use std::path::{Path, PathBuf};

    use tauri::Manager as _;

    use super::{AppHandle, Problem, failed};

    const NAME: &str = "tidings-desktop.desktop";
    /// Between double quotes these have a backslash before them (Desktop Entry Specification, "The Exec key").
    const ESCAPED: [char; 4] = ['"', '`', '$', '\\'];

    pub(crate) fn is_on(app: &AppHandle) -> bool {
        // A desktop switches an entry off by hiding it.
        let text = file(app).and_then(|file| fs::read_to_string(file).map_err(failed));
        text.is_ok_and(|text| !text.lines().any(|line| line.trim() == "Hidden=true"))
    }

    pub(crate) fn set(app: &AppHandle, on: bool) -> Result<(), Problem> {
        let file = file(app)?;
        let this = std::env::current_exe().map_err(failed)?;
        let done = if on { write(&file, &this) } else { remove(&file) };
        done.map_err(failed)
    }

    fn file(app: &AppHandle) -> Result<PathBuf, Problem> {
        Ok(app.path().config_dir().map_err(failed)?.join("autostart").join(NAME))
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
            assert!(
                fs::read_to_string(&file).unwrap().contains("\nExec=/usr/bin/tidings-desktop --hidden\n")
            );
            remove(&file).unwrap();
            assert!(!file.exists());
            remove(&file).unwrap();
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_on(app: &AppHandle) -> bool {
    use tauri_plugin_autostart::ManagerExt as _;

    app.autolaunch().is_enabled().unwrap_or(false)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn set(app: &AppHandle, on: bool) -> Result<(), Problem> {
    use tauri_plugin_autostart::ManagerExt as _;

    let autostart = app.autolaunch();
    let set = if on { autostart.enable() } else { autostart.disable() };
    set.map_err(failed)
}
