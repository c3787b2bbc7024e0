import Foundation
import Tidings

typealias Step = [String: Any]

private let patienceSeconds = 60.0

extension Step {
    func text(_ name: String) -> String { self[name] as? String ?? "" }
    func texts(_ name: String) -> [String] { self[name] as? [String] ?? [] }
}

func expect(_ isSo: Bool, _ what: @autoclosure () -> String) throws {
    if !isSo { throw Failure(what()) }
}

/// Looks until it is so.
func until(_ what: String, _ isSo: () async throws -> Bool) async throws {
    let end = Date(timeIntervalSinceNow: patienceSeconds)
    while try await !isSo() {
        try expect(Date() < end, "not in time: \(what)")
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// Devices, a relay, and the names of what was sent: plays the steps of `bindings/scenario/scenario.json`. A process of its
/// own is played by a second client of this one, because a phone starts none.
final class Stage {
    private let relay: Relay
    private let folder: URL
    private var devices: [String: TidingsClient] = [:]
    private var children: [String: TidingsClient] = [:]
    private var ids: [String: String] = [:]
    private var nextTries: [String: Date] = [:]
    private let brought = Counter()

    init(relay: Relay, folder: URL) {
        self.relay = relay
        self.folder = folder
    }

    func play(_ steps: [Step]) async throws {
        for (index, step) in steps.enumerated() {
            do {
                try await play(step)
            } catch {
                throw Failure("step \(index + 1), \(step): \(error)")
            }
        }
    }

    func end() async {
        for client in Array(children.values) + Array(devices.values) {
            await client.close()
        }
    }

    private func client(_ step: Step) throws -> TidingsClient {
        guard let client = devices[step.text("device")] else { throw Failure("no such device") }
        return client
    }

    private func id(_ step: Step) -> String { step["id"] as? String ?? ids[step.text("as")] ?? "" }

    private func play(_ step: Step) async throws {
        switch step.text("do") {
        case "open": try await open(step)
        case "close": try await client(step).close()
        case "send":
            let category = step["category"] as? String ?? "general"
            ids[step.text("as")] = try await relay.send(step.text("to"), step.text("title"), category)
        case "alarm": ids[step.text("as")] = try await relay.alarm(step.text("to"))
        case "stop_relay": relay.kill()
        case "start_relay": try relay.start()
        case "network_changed": try await client(step).networkChanged()
        case "spawn":
            let options = TidingsOptions(account: step.text("device"))
            children[step.text("device")] = try await TidingsClient.open(relayURL: relayURL(), folder: folder, options: options)
        case "kill_child": await children.removeValue(forKey: step.text("device"))?.close()
        case "call": try await call(step)
        default: try await check(step)
        }
    }

    private func relayURL() throws -> URL {
        guard let url = URL(string: relay.url) else { throw Failure("no address") }
        return url
    }

    private func open(_ step: Step) async throws {
        let device = step.text("device")
        var options = TidingsOptions(account: device)
        if let address = step["push_address"] as? String {
            options.pushEndpoint = { address }
        }
        devices[device] = try await TidingsClient.open(
            relayURL: relayURL(), folder: folder, access: access(step), options: options)
    }

    private func access(_ step: Step) async throws -> Access {
        let (recipient, device, expires) = (step.text("recipient"), step.text("device"), step.text("expires"))
        switch step.text("access") {
        case "code": return .code(try await relay.code(recipient))
        case "saved": return .saved
        default:
            nonisolated(unsafe) let relay = relay
            return .provider { [brought] _ in
                brought.add()
                return .token(token: try await relay.token(recipient, device, expires))
            }
        }
    }

    private func call(_ step: Step) async throws {
        let client = try client(step)
        switch step.text("call") {
        case "mark_read": try await client.markRead(id(step))
        case "archive": try await client.archive(id(step))
        case "act": try await client.act(id(step), action: step.text("action"))
        case "story": _ = try await client.story(id(step))
        case "snooze": try await client.snooze(id(step), until: Date(timeIntervalSinceNow: step["seconds"] as? Double ?? 0))
        case "decide_consent":
            let granted = step["granted"] as? Bool ?? false
            try await client.decideConsent(step.text("category"), on: step.text("channel"), granted: granted)
        case "set_preference":
            try await client.setPreference(step.text("category"), chosen: step["chosen"] as? Bool ?? true)
        case "set_quiet_hours":
            let span = QuietSpan(begins: step.text("begins"), ends: step.text("ends"))
            try await client.setQuietHours(QuietHours(spans: [span]))
        case "erase": try await client.erase()
        default: throw Failure("no such call")
        }
    }

    private func check(_ step: Step) async throws {
        switch step.text("do") {
        case "fails": try await fails(step)
        case "is": try await isConnected(step)
        case "waits": try await waits(step)
        case "owner": try expect(await client(step).owner()?.recipient == step.text("recipient"), "another owner")
        case "shows": try await shows(step, on: client(step))
        case "child_shows":
            guard let child = children[step.text("device")] else { throw Failure("no such process") }
            try await shows(step, on: child)
        case "withdraws":
            let next = try await next(client(step))
            try expect(next == .withdraw(id: id(step)), "\(next)")
        case "push": try await push(step)
        case "has": try await until("the item") { try await has(step) }
        case "lists":
            try await until("the list") { try await client(step).page().items.map(\.title) == step.texts("titles") }
        case "found":
            var titles: [String] = []
            for try await item in try client(step).search(step.text("text")) { titles.append(item.title) }
            try expect(titles == step.texts("titles"), "\(titles)")
        case "unread":
            try await until("the count") { try await client(step).unread() == step["count"] as? UInt64 ?? 0 }
        case "pending":
            let ops = try await client(step).pending().map(\.request.op)
            try expect(ops == step.texts("ops"), "\(ops)")
        case "flushed": try await until("the relay's answers") { try await client(step).pending().isEmpty }
        case "receipts":
            try await until("the receipts") { try await relay.receipts(id(step)).isSuperset(of: step.texts("include")) }
        default: try await checkMore(step)
        }
    }

    private func checkMore(_ step: Step) async throws {
        switch step.text("do") {
        case "story": try expect(await client(step).story(id(step)).state == step.text("state"), "another state")
        case "stopped":
            let made = try await relay.decide(step.text("to"), step.text("category"), step.text("title"))
            try expect((made["stopped_by"] as? Step)?.text("gate") == step.text("gate"), "\(made)")
        case "consent":
            try await until("the decision") {
                let category = try await client(step).settings()?.categories.first { $0.id == step.text("category") }
                return category?.consent[step.text("channel")].map { "\($0)" } == step.text("decision")
            }
        case "quiet":
            let spans = try await client(step).settings()?.quietHours?.spans
            try expect(spans?.map(\.begins) == [step.text("begins")], "\(String(describing: spans))")
        case "endpoint":
            try await until("the address") { try await relay.pushAddresses(step.text("recipient")) == [step.text("address")] }
        case "tokens": try await until("another token") { brought.count >= step["at_least"] as? Int ?? 0 }
        case "forgotten":
            try await until("the end of what is known") { try await !relay.knows(step.text("recipient")) }
        case "exports":
            let text = String(decoding: try await client(step).export(), as: UTF8.self)
            try expect(text.contains(step.text("text")), "it does not have the text")
        default: throw Failure("no such step")
        }
    }

    private func fails(_ step: Step) async throws {
        do {
            try await call(step)
        } catch let error as ClientError {
            let word =
                switch error {
                case .Offline: "offline"
                case .SignedOut: "signed_out"
                case .Refused: "refused"
                case .Storage: "storage"
                case .Invalid: "invalid"
                case .Closed: "closed"
                }
            return try expect(word == step.text("error"), "\(error)")
        }
        throw Failure("it did not fail")
    }

    private func isConnected(_ step: Step) async throws {
        for try await state in try client(step).connections {
            switch (state, step.text("connection")) {
            case (.live, "live"), (.offline, "offline"):
                let early = step["early"] == nil || Date() < nextTries[step.text("device")] ?? .distantPast
                return try expect(early, "too late")
            case (.signedOut(let why), "signed_out"):
                return try expect(step["why"] == nil || "\(why)" == step.text("why"), "\(why)")
            default: continue
            }
        }
    }

    private func waits(_ step: Step) async throws {
        for try await state in try client(step).connections {
            guard case .offline(_, let nextTry?) = state else { continue }
            if nextTry.timeIntervalSinceNow >= step["seconds"] as? Double ?? 0 {
                nextTries[step.text("device")] = nextTry
                return
            }
        }
    }

    private func next(_ client: TidingsClient) async throws -> Presentation {
        for try await presentation in client.presentations { return presentation }
        throw Failure("the client is closed")
    }

    private func shows(_ step: Step, on client: TidingsClient) async throws {
        let next = try await next(client)
        guard case .show(let item) = next else { throw Failure("\(next)") }
        try expect(item.id == id(step), "\(item)")
        try expect(step["title"] == nil || item.title == step.text("title"), "\(item)")
        try expect(step["because"] == nil || item.because.rule == step.text("because"), "\(item)")
        try await client.shown(item.id)
    }

    private func push(_ step: Step) async throws {
        let payload = (step["payload"] as? Step ?? [:]).mapValues { value -> Any in
            guard let text = value as? String, text.hasPrefix("$") else { return value }
            return ids[String(text.dropFirst())] ?? ""
        }
        let shown = try await client(step).handlePush(JSONSerialization.data(withJSONObject: payload), deadline: 30)
        let found = shown.compactMap { if case .show(let item) = $0 { item.id } else { nil } }
        try expect(found == step.texts("shows").compactMap { ids[$0] }, "\(shown)")
        for id in found { try await client(step).shown(id) }
    }

    private func has(_ step: Step) async throws -> Bool {
        guard let item = try await client(step).item(id(step)) else { return false }
        return (step["read"] == nil || item.readAt != nil)
            && (step["acknowledged"] == nil || item.acknowledgedAt != nil)
            && (step["snoozed"] == nil || item.snoozedUntil != nil)
    }
}

private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var value = 0

    var count: Int { lock.withLock { value } }

    func add() { lock.withLock { value += 1 } }
}
