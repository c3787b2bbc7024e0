#if canImport(UserNotifications)
import Foundation
import UserNotifications

/// What a Notification Service Extension does with a push that says only that there is something: it opens the inbox that it
/// shares with the app, fetches the gap, and gives the system the words to show.
///
///     final class NotificationService: UNNotificationServiceExtension {
///         private let tidings = NotificationExtension(relayURL: relay, folder: sharedFolder, options: options)
///
///         override func didReceive(
///             _ request: UNNotificationRequest,
///             withContentHandler contentHandler: @escaping (UNNotificationContent) -> Void
///         ) { tidings.didReceive(request, contentHandler) }
///
///         override func serviceExtensionTimeWillExpire() { tidings.timeWillExpire() }
///     }
///
/// The folder is in the app group's container, and the secret store has the app group's access group. The app may run at the
/// same time: whichever of the two shows a notification claims it first.
public final class NotificationExtension: @unchecked Sendable {
    /// The system gives an extension about 30 seconds.
    private static let deadlineSeconds = 20.0

    private let relayURL: URL
    private let folder: URL
    private let options: TidingsOptions
    private let lock = NSLock()
    private var finish: ((UNNotificationContent) -> Void)?
    private var fallback: UNNotificationContent?

    public init(relayURL: URL, folder: URL, options: TidingsOptions) {
        self.relayURL = relayURL
        self.folder = folder
        self.options = options
    }

    public func didReceive(_ request: UNNotificationRequest, _ contentHandler: @escaping (UNNotificationContent) -> Void) {
        lock.withLock {
            finish = contentHandler
            fallback = request.content
        }
        let payload = Self.payload(of: request.content)
        let content = request.content.mutableCopy() as? UNMutableNotificationContent ?? UNMutableNotificationContent()
        nonisolated(unsafe) let filled = content
        Task {
            await fill(filled, from: payload)
            end(with: filled)
        }
    }

    /// The system is about to end the extension: what the push itself said is shown.
    public func timeWillExpire() {
        if let content = lock.withLock({ fallback }) {
            end(with: content)
        }
    }

    private func fill(_ content: UNMutableNotificationContent, from payload: Data) async {
        guard let client = try? await TidingsClient.open(relayURL: relayURL, folder: folder, options: options) else { return }
        let presentations = (try? await client.handlePush(payload, deadline: Self.deadlineSeconds)) ?? []
        var item = presentations.lazy.compactMap(Self.item(of:)).first
        if item == nil, let id = readPush(payload: payload)?.notification {
            // The app showed it, or claims it: the same words then replace nothing.
            item = (try? await client.item(id)) ?? nil
        }
        if let item {
            content.title = item.title
            content.body = item.body
            content.threadIdentifier = item.category
            content.userInfo["tidings.notification"] = item.id
            content.interruptionLevel = item.priority.interruptionLevel
            _ = try? await client.shown(item.id)
        } else if case .summary(let count)? = presentations.first {
            content.body = String(
                localized: "\(count) notifications came while you were away", comment: "Many came at once")
        }
        // No lock is left behind when the system suspends the extension.
        await client.close()
    }

    private static func item(of presentation: Presentation) -> InboxItem? {
        switch presentation {
        case .show(let item): item
        case .update(let item, _): item
        case .withdraw, .summary: nil
        }
    }

    /// The fields of Tidings stand beside `aps`, the words that a push may carry in it.
    private static func payload(of content: UNNotificationContent) -> Data {
        let fields = content.userInfo
        guard JSONSerialization.isValidJSONObject(fields) else { return Data() }
        return (try? JSONSerialization.data(withJSONObject: fields)) ?? Data()
    }

    private func end(with content: UNNotificationContent) {
        let finish = lock.withLock {
            defer { self.finish = nil }
            return self.finish
        }
        finish?(content)
    }
}

extension Priority {
    /// How the system interrupts a person for it. `timeSensitive` needs its entitlement; without it the system shows it as
    /// `active`.
    public var interruptionLevel: UNNotificationInterruptionLevel {
        switch self {
        case .low: .passive
        case .normal: .active
        case .high, .urgent: .timeSensitive
        }
    }
}
#endif
