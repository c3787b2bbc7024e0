import Foundation

/// How a device proves who it is.
public enum Access: Sendable {
    /// What an earlier run stored.
    case saved
    /// A connect code, as `tidings connect` prints it. Giving the same code again does no harm.
    case code(String)
    /// One fixed access token. When the relay does not take it any more, the client is signed out.
    case token(String)
    /// The app's own backend issues tokens. What it throws, or what takes longer than 30 seconds, counts as "later".
    case provider(@Sendable (TokenWanted) async throws -> TokenAnswer)

    var raw: RawAccess {
        switch self {
        case .saved: .saved
        case .code(let code): .code(code: code)
        case .token(let token): .token(token: token)
        case .provider(let bring): .source(source: TokenAdapter(bring))
        }
    }
}

/// A place for secrets. Both functions may block.
public protocol SecretStore: Sendable {
    /// What was saved under a name; none if nothing was.
    func load(name: String) throws -> Data?
    /// Keeps a secret under a name, in the place of an older one.
    func save(name: String, secret: Data) throws
}

/// Sends the log of every client of this process to a function, from a level upwards; none ends that. Never content,
/// addresses, tokens or keys.
public func setLog(_ sink: (@Sendable (LogLine) -> Void)?, level: LogLevel = .warn) {
    setLogSink(sink: sink.map(LogAdapter.init), level: level)
}

/// How long the app's own code may take; the client waits no longer either.
private let answerSecondsMax = 30.0

/// Waits on a thread of the client's own, which is none of Swift's, for what a task answers.
private func waited<T: Sendable>(_ ask: @escaping @Sendable () async throws -> T) throws -> T {
    let answered = DispatchSemaphore(value: 0)
    let answer = Answer<T>()
    let task = Task.detached {
        let result: Result<T, any Error>
        do {
            result = .success(try await ask())
        } catch {
            result = .failure(error)
        }
        answer.set(result)
        answered.signal()
    }
    guard answered.wait(timeout: .now() + answerSecondsMax) == .success, let result = answer.get() else {
        task.cancel()
        throw EmbedderError.Failed(text: "no answer within 30 seconds")
    }
    do {
        return try result.get()
    } catch {
        throw EmbedderError.Failed(text: String(describing: error))
    }
}

private final class Answer<T: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var result: Result<T, any Error>?

    func set(_ result: Result<T, any Error>) {
        lock.withLock { self.result = result }
    }

    func get() -> Result<T, any Error>? {
        lock.withLock { result }
    }
}

private final class TokenAdapter: ForeignTokenSource {
    private let bring: @Sendable (TokenWanted) async throws -> TokenAnswer

    init(_ bring: @escaping @Sendable (TokenWanted) async throws -> TokenAnswer) {
        self.bring = bring
    }

    func token(why: TokenWanted) throws -> TokenAnswer {
        try waited { [bring] in try await bring(why) }
    }
}

final class SecretAdapter: ForeignSecretStore {
    private let store: any SecretStore

    init(_ store: any SecretStore) {
        self.store = store
    }

    func load(name: String) throws -> Data? {
        do {
            return try store.load(name: name)
        } catch {
            throw EmbedderError.Failed(text: String(describing: error))
        }
    }

    func save(name: String, secret: Data) throws {
        do {
            try store.save(name: name, secret: secret)
        } catch {
            throw EmbedderError.Failed(text: String(describing: error))
        }
    }
}

final class PushAdapter: ForeignPushEndpoint {
    private let ask: @Sendable () async throws -> String?

    init(_ ask: @escaping @Sendable () async throws -> String?) {
        self.ask = ask
    }

    func address() throws -> String? {
        try waited(ask)
    }
}

private final class LogAdapter: ForeignLogSink {
    private let sink: @Sendable (LogLine) -> Void

    init(_ sink: @escaping @Sendable (LogLine) -> Void) {
        self.sink = sink
    }

    func log(line: LogLine) throws {
        sink(line)
    }
}
