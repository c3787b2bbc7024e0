//! What the page says, in each language.

use tidings_protocol::Channel;

use crate::channels::Language;

/// The words of one language.
#[derive(Debug)]
pub(super) struct Words {
    language: Language,
    pub(super) plain_question: &'static str,
    pub(super) at_once: &'static str,
    pub(super) button: &'static str,
    pub(super) done: &'static str,
    pub(super) close: &'static str,
    pub(super) needed_title: &'static str,
    pub(super) needed: &'static str,
}

const EN: Words = Words {
    language: Language::En,
    plain_question: "Unsubscribe?",
    at_once: "It takes effect at once.",
    button: "Unsubscribe",
    done: "You are unsubscribed",
    close: "Nothing more of this will come. You can close this page.",
    needed_title: "This cannot be switched off",
    needed: "These notifications are necessary for your account, so they keep coming.",
};

const ZH: Words = Words {
    language: Language::Zh,
    plain_question: "确定退订吗？",
    at_once: "立即生效。",
    button: "退订",
    done: "您已退订",
    close: "不会再向您发送此类通知。您可以关闭此页面。",
    needed_title: "无法关闭",
    needed: "这类通知是您的账户所必需的，因此会继续发送。",
};

const DE: Words = Words {
    language: Language::De,
    plain_question: "Abbestellen?",
    at_once: "Es wirkt sofort.",
    button: "Abbestellen",
    done: "Sie sind abgemeldet",
    close: "Davon kommt nichts mehr. Sie können diese Seite schließen.",
    needed_title: "Das lässt sich nicht abschalten",
    needed: "Diese Nachrichten sind für Ihr Konto notwendig und kommen deshalb weiter.",
};

impl Words {
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &EN,
            Language::Zh => &ZH,
            Language::De => &DE,
        }
    }

    pub(super) fn question(&self, category: &str) -> String {
        match self.language {
            Language::En => format!("Unsubscribe from “{category}”?"),
            Language::Zh => format!("确定退订“{category}”吗？"),
            Language::De => format!("„{category}“ abbestellen?"),
        }
    }

    /// What stands between a channel and an address.
    pub(super) const fn colon(&self) -> &'static str {
        match self.language {
            Language::Zh => "：",
            Language::En | Language::De => ": ",
        }
    }

    pub(super) const fn channel(&self, channel: Channel) -> &'static str {
        match (self.language, channel) {
            (Language::En, Channel::Email) => "By mail",
            (Language::En, Channel::Sms) => "By text message",
            (Language::En, Channel::Push) => "As push notifications",
            (Language::En, Channel::Webhook) => "By webhook",
            (Language::En, Channel::Inapp) => "In the app",
            (Language::Zh, Channel::Email) => "电子邮件",
            (Language::Zh, Channel::Sms) => "短信",
            (Language::Zh, Channel::Push) => "推送通知",
            (Language::Zh, Channel::Webhook) => "Webhook",
            (Language::Zh, Channel::Inapp) => "应用内",
            (Language::De, Channel::Email) => "Per E-Mail",
            (Language::De, Channel::Sms) => "Per SMS",
            (Language::De, Channel::Push) => "Als Push-Nachrichten",
            (Language::De, Channel::Webhook) => "Per Webhook",
            (Language::De, Channel::Inapp) => "In der App",
        }
    }
}
