//! What the app is started with.

/// The arguments of a start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Only the tray; the window comes when it is asked for. So the session starts it.
    pub hidden: bool,
    /// The window shows made-up data and no account is used. Debug builds only.
    pub made_up: bool,
    /// Only say which version this is.
    pub version: bool,
    /// A link that the system opened with the app.
    pub link: Option<String>,
}

impl Arguments {
    /// Reads what follows the program's name. What is unknown is left out: a desktop adds arguments of its own.
    #[must_use]
    pub fn read(given: impl Iterator<Item = String>) -> Self {
        let mut arguments = Self::default();
        for argument in given {
            match argument.as_str() {
                "--hidden" => arguments.hidden = true,
                "--version" => arguments.version = true,
                "--mock-relay" => arguments.made_up = cfg!(debug_assertions),
                link if link.starts_with("tidings:") => arguments.link = Some(argument),
                _ => {}
            }
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_found_among_the_arguments() {
        let given = ["--hidden", "--gtk-thing", "tidings://connect?code=A"].map(str::to_owned);
        let read = Arguments::read(given.into_iter());
        assert!(read.hidden && !read.made_up);
        assert_eq!(read.link.as_deref(), Some("tidings://connect?code=A"));
    }
}
