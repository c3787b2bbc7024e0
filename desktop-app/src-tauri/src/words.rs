//! What the app says outside of its window: in popups and in the tray. The window has its own words.

use crate::roster::Language;

/// The words of one language.
#[derive(Debug)]
pub(crate) struct Words {
    /// The button of what waits for an acknowledgement.
    pub acknowledge: &'static str,
    /// The tray's entry that shows the window.
    pub open: &'static str,
    /// The tray's entry that pauses for an hour.
    pub pause_hour: &'static str,
    /// The tray's entry that pauses until tomorrow.
    pub pause_tomorrow: &'static str,
    /// The tray's entry that ends a pause.
    pub resume: &'static str,
    /// The tray's entry that ends the app.
    pub quit: &'static str,
    /// Said once where there is no tray: the title.
    pub stays_title: &'static str,
    /// Said once where there is no tray: the text.
    pub stays_body: &'static str,
    summary: [&'static str; 2],
    unread: [&'static str; 2],
}

impl Words {
    /// How many came during an absence.
    #[must_use]
    pub(crate) fn summary(&self, count: usize) -> String {
        counted(&self.summary, count)
    }

    /// How many are unread.
    #[must_use]
    pub(crate) fn unread(&self, count: usize) -> String {
        counted(&self.unread, count)
    }
}

fn counted(forms: &[&str; 2], count: usize) -> String {
    forms[usize::from(count != 1)].replace('#', &count.to_string())
}

const EN: Words = Words {
    acknowledge: "Acknowledge",
    open: "Open Tidings",
    pause_hour: "Pause for an hour",
    pause_tomorrow: "Pause until tomorrow",
    resume: "End the pause",
    quit: "Quit",
    stays_title: "Tidings keeps running",
    stays_body: "This desktop has no tray, so closing the window only minimises it. Quit from the menu in the window.",
    summary: ["# notification came while you were away", "# notifications came while you were away"],
    unread: ["Tidings: # unread", "Tidings: # unread"],
};

const DE: Words = Words {
    acknowledge: "Bestätigen",
    open: "Tidings öffnen",
    pause_hour: "Eine Stunde pausieren",
    pause_tomorrow: "Bis morgen pausieren",
    resume: "Pause beenden",
    quit: "Beenden",
    stays_title: "Tidings läuft weiter",
    stays_body: "Dieser Desktop hat keine Infoleiste, darum wird das Fenster beim Schließen nur verkleinert. Beenden können Sie Tidings im Menü des Fensters.",
    summary: ["Während Ihrer Abwesenheit kam # Mitteilung", "Während Ihrer Abwesenheit kamen # Mitteilungen"],
    unread: ["Tidings: # ungelesen", "Tidings: # ungelesen"],
};

const ZH: Words = Words {
    acknowledge: "确认",
    open: "打开 Tidings",
    pause_hour: "暂停一小时",
    pause_tomorrow: "暂停到明天",
    resume: "结束暂停",
    quit: "退出",
    stays_title: "Tidings 仍在运行",
    stays_body: "此桌面没有托盘，关闭窗口只会将其最小化。可在窗口菜单中退出。",
    summary: ["您离开期间收到 # 条通知", "您离开期间收到 # 条通知"],
    unread: ["Tidings：# 条未读", "Tidings：# 条未读"],
};

/// The words of the chosen language, or of the system's.
#[must_use]
pub(crate) fn words(language: Language) -> &'static Words {
    match language {
        Language::En => &EN,
        Language::De => &DE,
        Language::Zh => &ZH,
        Language::System => of_system(&system_locale()),
    }
}

fn of_system(locale: &str) -> &'static Words {
    match locale.get(..2) {
        Some("de") => &DE,
        Some("zh") => &ZH,
        Some(_) | None => &EN,
    }
}

/// The order in which POSIX reads them.
fn system_locale() -> String {
    let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_counted_as_one() {
        assert_eq!(words(Language::En).summary(1), "1 notification came while you were away");
        assert_eq!(words(Language::De).summary(12), "Während Ihrer Abwesenheit kamen 12 Mitteilungen");
        assert_eq!(words(Language::Zh).unread(3), "Tidings：3 条未读");
    }

    #[test]
    fn the_system_s_language_is_read_from_its_locale() {
        assert_eq!(of_system("de_AT.UTF-8").quit, DE.quit);
        assert_eq!(of_system("zh_CN.UTF-8").quit, ZH.quit);
        assert_eq!(of_system("C").quit, EN.quit);
    }
}
