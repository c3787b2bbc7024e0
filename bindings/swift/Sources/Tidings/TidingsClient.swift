import Foundation

/// What opening an account may say beside the relay, the folder and the access.
public struct TidingsOptions: Sendable {
    /// A name for the account's file, if the folder has several. Letters, digits, `-` and `_`, up to 64.
    public var account: String?
    /// 32 random bytes that encrypt what notifications say on this device.
    public var encryptionKey: Data?
    /// Keeps such a key, which is then made at the first start.
    public var secretStore: (any SecretStore)?
    /// Where the system's push service reaches this device; asked once in each run.
    public var pushEndpoint: (@Sendable () async throws -> String?)?
    /// The id under which the relay knows this device; a random one if nothing is said.
    public var device: String?
    /// What kind of device it is.
    public var platform: String?

    public init(
        account: String? = nil,
        encryptionKey: Data? = nil,
        secretStore: (any SecretStore)? = nil,
        pushEndpoint: (@Sendable () async throws -> String?)? = nil,
        device: String? = nil,
        platform: String? = nil
    ) {
        self.account = account
        self.encryptionKey = encryptionKey
        self.secretStore = secretStore
        self.pushEndpoint = pushEndpoint
        self.device = device
        self.platform = platform
    }
}

/// One account on one device: it stays connected, stores, and sends what it is asked to.
///
/// What the recipient does is durable when the call returns, with or without a network; each such call returns the id of its
/// operation. Every call throws a `ClientError` by what can be done about it, with `code` and `text`.
///
/// Close it before the app is suspended, and open it again when the app comes back: a suspended app must hold no lock.
public final class TidingsClient: Sendable {
    private let raw: RawClient
    private let screen: Pull<ToldPresentation>
    private let refusals: Pull<ToldRefusal>
    private let pushes = PushTurn()

    private init(_ raw: RawClient) {
        self.raw = raw
        let presentations = raw.presentations()
        screen = Pull(number: \.number) { try await presentations.next(received: $0) }
        let refused = raw.refused()
        refusals = Pull(number: \.number) { try await refused.next(received: $0) }
    }

    /// Opens the account's file and begins to connect; never waits for the network.
    public static func open(
        relayURL: URL,
        folder: URL,
        access: Access = .saved,
        options: TidingsOptions = TidingsOptions()
    ) async throws -> TidingsClient {
        let raw = try await openClient(
            options: RawOptions(
                relayUrl: relayURL.absoluteString,
                folder: folder.path(percentEncoded: false),
                access: access.raw,
                account: options.account,
                encryptionKey: options.encryptionKey,
                secretStore: options.secretStore.map(SecretAdapter.init),
                pushEndpoint: options.pushEndpoint.map(PushAdapter.init),
                device: options.device,
                platform: options.platform
            )
        )
        return TidingsClient(raw)
    }

    /// Ends everything, the client's threads too. Other calls throw `ClientError.Closed` from then on.
    public func close() async {
        await raw.shut()
    }

    /// The same for a place that cannot wait for a task; blocks for up to seven seconds.
    public func closeAndWait() {
        raw.shutAndWait()
    }

    // MARK: How the device stands with the relay

    /// How the device stands with the relay, now.
    public var connection: ConnectionState { raw.connection() }

    /// Follows that: the state now, and then each that comes.
    public var connections: Follow<ConnectionState> {
        Follow { [raw] in
            let observer = raw.observeConnection()
            let pull = Pull<ToldConnection>(number: \.number) { try await observer.next(received: $0) }
            return { try await pull.next().map { [$0.state] } }
        }
    }

    /// Whether the device knows everything that the relay has for it.
    public var completeness: Completeness { raw.completeness() }

    /// Follows that.
    public var completenesses: Follow<Completeness> {
        Follow { [raw] in
            let observer = raw.observeCompleteness()
            let pull = Pull<ToldCompleteness>(number: \.number) { try await observer.next(received: $0) }
            return { try await pull.next().map { [$0.completeness] } }
        }
    }

    /// The network may be back: tries at once if the next try is some time away.
    public func networkChanged() async throws { try await raw.networkChanged() }

    /// Where a damaged file was put when the client was opened, if there was one.
    public var setAside: String? { raw.setAside() }

    /// The id under which the relay knows this device.
    public func device() async throws -> String { try await raw.device() }

    /// Whose inbox it is; none before the first sign-in.
    public func owner() async throws -> Owner? { try await raw.owner() }

    /// Ends the connection and forgets the credentials; keeps the inbox or wipes it.
    public func signOut(_ what: SignOut) async throws { try await raw.signOut(what: what) }

    // MARK: The inbox on this device

    /// One page, newest first, after a place or from the beginning; 1 to 500 items.
    public func page(_ query: Query = Query(), after: String? = nil, limit: UInt32 = 50) async throws -> Page {
        try await raw.page(query: query, after: after, limit: limit)
    }

    /// One notification; none if it is not on this device.
    public func item(_ id: String) async throws -> InboxItem? { try await raw.item(id: id) }

    /// Follows the first items of a list, 1 to 500: its whole first, then each change.
    public func observe(_ query: Query = Query(), limit: UInt32 = 200) -> Follow<InboxChange> {
        Follow { [raw] in
            let observer = try raw.observe(query: query, limit: limit)
            let pull = Pull<ToldChanges>(number: \.number) { try await observer.next(received: $0) }
            return { try await pull.next()?.changes }
        }
    }

    /// Looks for a text, newest first. Hits come as they are found; the sequence ends with the last.
    public func search(_ text: String, in query: Query = Query()) -> Follow<InboxItem> {
        let wanted = Query(
            category: query.category, unread: query.unread, text: text, archived: query.archived, asleep: query.asleep)
        return Follow { [raw] in
            let search = try raw.search(query: wanted)
            let pull = Pull<ToldHits>(number: \.number) { try await search.next(received: $0) }
            return { try await pull.next()?.items }
        }
    }

    /// How many are unread and not archived, in a category or in all.
    public func unread(in category: String? = nil) async throws -> UInt64 { try await raw.unread(wanted: category) }

    /// Follows that.
    public func unreadCounts(in category: String? = nil) -> Follow<UInt64> {
        Follow { [raw] in
            let counter = try raw.observeUnread(wanted: category)
            let pull = Pull<ToldUnread>(number: \.number) { try await counter.next(received: $0) }
            return { try await pull.next().map { [$0.unread] } }
        }
    }

    // MARK: The screen

    /// What is to be shown, withdrawn or summed up; call `shown` after showing. However often it is iterated, it is the same
    /// stream: what one loop did not take before it was cancelled goes to the next.
    public var presentations: Follow<Presentation> {
        Follow { [screen] in { try await screen.next().map { [$0.presentation] } } }
    }

    /// What the relay refused for good; what it assumed was put back. One stream, as `presentations`.
    public var refused: Follow<RefusedOperation> {
        Follow { [refusals] in { try await refusals.next().map { [$0.refused] } } }
    }

    /// Woken by a push: catches up within the deadline, in seconds, and returns what is to be shown.
    public func handlePush(_ payload: Data, deadline: TimeInterval) async throws -> [Presentation] {
        try await pushes.take { [raw] received in
            try await raw.handlePush(payload: payload, deadline: deadline, received: received)
        }
    }

    /// Tells the relay at which address the system's push service reaches this device.
    @discardableResult
    public func setPushAddress(_ address: String) async throws -> String {
        try await raw.setPushAddress(address: address)
    }

    // MARK: What the recipient does with a notification

    @discardableResult
    public func markRead(_ id: String) async throws -> String { try await raw.markRead(id: id) }

    @discardableResult
    public func markUnread(_ id: String) async throws -> String { try await raw.markUnread(id: id) }

    /// Marks everything as read up to a page's mark; without one, everything that is on this device.
    @discardableResult
    public func markAllRead(before: String? = nil, only category: String? = nil) async throws -> String {
        try await raw.markAllRead(before: before, only: category)
    }

    @discardableResult
    public func archive(_ id: String) async throws -> String { try await raw.archive(id: id) }

    @discardableResult
    public func unarchive(_ id: String) async throws -> String { try await raw.unarchive(id: id) }

    /// Lets a notification sleep; it is shown again at `until`. A time that has passed wakes it.
    @discardableResult
    public func snooze(_ id: String, until: Date) async throws -> String { try await raw.snooze(id: id, until: until) }

    /// Confirms a notification to its sender.
    @discardableResult
    public func acknowledge(_ id: String) async throws -> String { try await raw.acknowledge(id: id) }

    /// One of the notification's actions was chosen.
    @discardableResult
    public func act(_ id: String, action: String) async throws -> String { try await raw.act(id: id, action: action) }

    /// The notification's link was followed.
    @discardableResult
    public func clicked(_ id: String) async throws -> String { try await raw.clicked(id: id) }

    /// The notification was swept off the screen.
    @discardableResult
    public func dismissed(_ id: String) async throws -> String { try await raw.dismissed(id: id) }

    /// The notification was shown: the answer to a presentation that shows or updates.
    @discardableResult
    public func shown(_ id: String) async throws -> String { try await raw.shown(id: id) }

    /// Says whether a notification was of use.
    @discardableResult
    public func feedback(_ id: String, _ value: Feedback) async throws -> String {
        try await raw.feedback(id: id, value: value)
    }

    /// The operations that the relay has not answered, oldest first.
    public func pending() async throws -> [PendingOperation] { try await raw.pending() }

    // MARK: Settings and consent

    /// The recipient's settings with what was changed here on top; none before the first sync.
    public func settings() async throws -> Settings? { try await raw.settings() }

    /// Wants a category on a channel, or does not; without a channel, on all that the category has.
    @discardableResult
    public func setPreference(_ category: String, on channel: String? = nil, chosen: Bool) async throws -> String {
        try await raw.setPreference(id: category, on: channel, chosen: chosen)
    }

    /// Sets the recipient's own quiet hours; none goes back to the project's.
    @discardableResult
    public func setQuietHours(_ hours: QuietHours?) async throws -> String { try await raw.setQuietHours(hours: hours) }

    /// Holds back everything that may be held back until an instant; none ends the pause.
    @discardableResult
    public func pause(until: Date?) async throws -> String { try await raw.pause(until: until) }

    /// Says where the recipient is (an IANA zone) and which language they read (a BCP 47 tag).
    @discardableResult
    public func setProfile(timeZone: String? = nil, locale: String? = nil) async throws -> String {
        try await raw.setProfile(timeZone: timeZone, locale: locale)
    }

    /// Grants consent to a category on a channel, or says no.
    @discardableResult
    public func decideConsent(_ category: String, on channel: String, granted: Bool) async throws -> String {
        try await raw.decideConsent(id: category, on: channel, granted: granted)
    }

    // MARK: What the relay knows; these need the network

    /// Why a notification came and what became of it. Its `because` is on the device already.
    public func story(_ id: String) async throws -> Story { try await raw.story(id: id) }

    /// Asks the relay to notify this recipient of nothing but that it works.
    public func sendTest() async throws -> String { try await raw.sendTest() }

    /// The recipient's devices, the newest first.
    public func devices() async throws -> [DeviceEntry] { try await raw.devices() }

    /// Signs one of the recipient's devices out, at once; it may be this one.
    public func removeDevice(_ id: String) async throws { try await raw.removeDevice(id: id) }

    /// Everything that the relay stores of this recipient, as a JSON document.
    public func export() async throws -> Data { try await raw.export() }

    /// Erases this recipient at the relay, and everything of them on this device. It cannot be undone.
    public func erase() async throws { try await raw.erase() }
}

/// Pushes are worked on one after the other, so that none repeats what the one before it returned.
private actor PushTurn {
    private var received: UInt64 = 0
    private var last: Task<[Presentation], any Error>?

    func take(
        _ call: @escaping @Sendable (UInt64) async throws -> ToldPresentations
    ) async throws -> [Presentation] {
        let before = last
        let turn = Task {
            _ = await before?.result
            let told = try await call(self.received)
            self.received = told.number
            return told.presentations
        }
        last = turn
        return try await turn.value
    }
}
