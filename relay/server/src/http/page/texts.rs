//! What the page says, in the languages that it speaks.

use axum::http::{HeaderMap, header};
use tidings_protocol::Channel;

/// The words of one language.
#[derive(Debug)]
pub(super) struct Texts {
    /// Its BCP 47 tag.
    pub(super) language: &'static str,
    /// The other language by its own name, and its tag.
    pub(super) other: (&'static str, &'static str),
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    pub(super) skip: &'static str,
    pub(super) browser: &'static str,
    pub(super) browser_about: &'static str,
    pub(super) browser_needs_script: &'static str,
    pub(super) subscribe: &'static str,
    pub(super) stop_browser: &'static str,
    pub(super) is_on: &'static str,
    pub(super) is_off: &'static str,
    pub(super) cannot: &'static str,
    pub(super) denied: &'static str,
    pub(super) failed: &'static str,
    pub(super) wait: &'static str,
    pub(super) preferences: &'static str,
    pub(super) preferences_about: &'static str,
    pub(super) preferences_none: &'static str,
    pub(super) essential: &'static str,
    pub(super) with_consent: &'static str,
    pub(super) save: &'static str,
    pub(super) consent: &'static str,
    pub(super) consent_about: &'static str,
    pub(super) policy: &'static str,
    pub(super) undecided: &'static str,
    pub(super) granted: &'static str,
    pub(super) refused: &'static str,
    pub(super) allow: &'static str,
    pub(super) refuse: &'static str,
    pub(super) stop: &'static str,
    pub(super) stop_about: &'static str,
    pub(super) stop_all: &'static str,
    pub(super) done_saved: &'static str,
    pub(super) done_granted: &'static str,
    pub(super) done_refused: &'static str,
    pub(super) done_stopped: &'static str,
    pub(super) done_stale: &'static str,
    pub(super) gone: &'static str,
    pub(super) gone_about: &'static str,
    /// inapp, push, email, sms, webhook.
    channels: [&'static str; 5],
    /// Before the category's name, after it, between channels, at the end.
    question: [&'static str; 4],
}

static ENGLISH: Texts = Texts {
    language: "en",
    other: ("中文", "zh"),
    title: "Your notifications",
    intro: "This page is yours alone. Whoever has its link can change these settings, so do not pass it on.",
    skip: "Skip to the settings",
    browser: "This browser",
    browser_about: "Get notifications here, even while this page is closed.",
    browser_needs_script: "Notifications in this browser need JavaScript. The settings below work without it.",
    subscribe: "Notify me in this browser",
    stop_browser: "Stop notifying me in this browser",
    is_on: "What comes by push is shown in this browser.",
    is_off: "Nothing is shown in this browser.",
    cannot: "This browser cannot get notifications from this page.",
    denied: "You blocked notifications from this page. Allow them in the settings of your browser, then try again.",
    failed: "That did not work. Check your connection and try again.",
    wait: "One moment…",
    preferences: "What you get",
    preferences_about: "Choose what you want to hear about, and where.",
    preferences_none: "There is nothing to choose at present.",
    essential: "You always get these: they are needed to serve you, or the law asks for them.",
    with_consent: "You get these only if you allowed them below.",
    save: "Save",
    consent: "What you allow",
    consent_about: "You decide freely, and can decide otherwise at any time. It changes nothing else.",
    policy: "Read the whole policy",
    undecided: "You have not decided yet.",
    granted: "You allowed this.",
    refused: "You did not allow this.",
    allow: "Allow",
    refuse: "Do not allow",
    stop: "Stop everything",
    stop_about: "Switches off everything on every channel that can be switched off, and takes back what you allowed. \
                 Your inbox stays.",
    stop_all: "Unsubscribe from everything",
    done_saved: "Your settings are saved.",
    done_granted: "Noted: you allow it.",
    done_refused: "Noted: you do not allow it.",
    done_stopped: "You are unsubscribed from everything that can be switched off.",
    done_stale: "The policy changed since you opened the page. Please read it again and decide then.",
    gone: "This link opens nothing",
    gone_about: "It is too old or not complete. Ask the sender of your notifications for a new one.",
    channels: ["Inbox", "Push", "Email", "SMS", "Webhook"],
    question: ["May we send you “", "” (", ", ", ")?"],
};

static CHINESE: Texts = Texts {
    language: "zh",
    other: ("English", "en"),
    title: "您的通知设置",
    intro: "本页面仅供您本人使用。任何持有此链接的人都可以更改这些设置，请勿转发。",
    skip: "跳到设置",
    browser: "此浏览器",
    browser_about: "即使关闭本页面，也能在此浏览器中收到通知。",
    browser_needs_script: "在浏览器中接收通知需要启用 JavaScript。下方的设置无需启用即可使用。",
    subscribe: "在此浏览器中通知我",
    stop_browser: "不再在此浏览器中通知我",
    is_on: "推送通知会显示在此浏览器中。",
    is_off: "此浏览器不会显示通知。",
    cannot: "此浏览器无法接收本页面的通知。",
    denied: "您已阻止本页面的通知。请在浏览器设置中允许，然后重试。",
    failed: "操作未成功。请检查网络连接后重试。",
    wait: "请稍候…",
    preferences: "您接收的内容",
    preferences_about: "选择您想了解的内容以及接收方式。",
    preferences_none: "目前没有可选择的项目。",
    essential: "这些通知始终发送：提供服务所必需，或法律要求。",
    with_consent: "仅在您于下方同意后才会发送。",
    save: "保存",
    consent: "您的同意",
    consent_about: "是否同意由您自由决定，并可随时更改，不影响其他服务。",
    policy: "阅读完整政策",
    undecided: "您尚未决定。",
    granted: "您已同意。",
    refused: "您未同意。",
    allow: "同意",
    refuse: "不同意",
    stop: "全部停止",
    stop_about: "关闭所有渠道上可以关闭的通知，并撤回您的同意。收件箱会保留。",
    stop_all: "全部退订",
    done_saved: "您的设置已保存。",
    done_granted: "已记录：您同意。",
    done_refused: "已记录：您不同意。",
    done_stopped: "您已退订所有可以关闭的通知。",
    done_stale: "政策在您打开页面后已更新。请重新阅读后再决定。",
    gone: "此链接已无法打开",
    gone_about: "链接已过期或不完整。请向通知的发送方索取新的链接。",
    channels: ["收件箱", "推送", "电子邮件", "短信", "Webhook"],
    question: ["我们可以通过", "向您发送“", "、", "”吗？"],
};

impl Texts {
    /// A channel's name.
    pub(super) const fn channel(&self, channel: Channel) -> &'static str {
        self.channels[match channel {
            Channel::Inapp => 0,
            Channel::Push => 1,
            Channel::Email => 2,
            Channel::Sms => 3,
            Channel::Webhook => 4,
        }]
    }

    /// Several channels in a row.
    pub(super) fn channels(&self, channels: impl Iterator<Item = Channel>) -> String {
        let [_, _, between, _] = self.question;
        channels.map(|channel| self.channel(channel)).collect::<Vec<_>>().join(between)
    }

    /// What is asked about a category.
    pub(super) fn question(&self, category: &str, channels: impl Iterator<Item = Channel>) -> String {
        let [first, second, _, end] = self.question;
        let channels = self.channels(channels);
        // Chinese names the channels before the thing.
        match self.language {
            "zh" => format!("{first}{channels}{second}{category}{end}"),
            _ => format!("{first}{category}{second}{channels}{end}"),
        }
    }
}

/// The language that was asked for, else the recipient's own, else the browser's first that the page speaks.
pub(super) fn of(asked: Option<&str>, locale: Option<&str>, headers: &HeaderMap) -> &'static Texts {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let accepted = accepted.split(',').map(|part| part.split(';').next().unwrap_or_default());
    let mut wanted = asked.into_iter().chain(locale).chain(accepted);
    wanted.find_map(spoken).unwrap_or(&ENGLISH)
}

fn spoken(tag: &str) -> Option<&'static Texts> {
    let language = tag.trim().split(['-', '_']).next().unwrap_or_default();
    [&ENGLISH, &CHINESE].into_iter().find(|texts| texts.language.eq_ignore_ascii_case(language))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(None, None, "", "en")]
    #[case(None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh")]
    #[case(None, None, "fr-FR, zh;q=0.5", "zh")]
    #[case(None, Some("en-GB"), "zh", "en")]
    #[case(None, Some("fr"), "zh", "zh")]
    #[case(Some("zh"), Some("en"), "en", "zh")]
    #[case(Some("xx"), None, "de", "en")]
    fn it_speaks_the_language_of_its_reader(
        #[case] asked: Option<&str>,
        #[case] locale: Option<&str>,
        #[case] accepted: &'static str,
        #[case] language: &str,
    ) {
        let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepted))]);
        assert_eq!(of(asked, locale, &headers).language, language);
    }

    #[test]
    fn a_question_names_the_thing_and_the_ways() {
        let channels = || [Channel::Email, Channel::Sms].into_iter();
        assert_eq!(ENGLISH.question("Offers", channels()), "May we send you “Offers” (Email, SMS)?");
        assert_eq!(CHINESE.question("优惠", channels()), "我们可以通过电子邮件、短信向您发送“优惠”吗？");
    }
}
