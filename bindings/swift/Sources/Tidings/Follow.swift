import Foundation

/// Takes what comes, one after the other. A caller that is cancelled while it waits takes nothing: cancelling a Swift task
/// does not end the call below it, so the call is kept, and its answer goes to the next who asks.
actor Pull<Told: Sendable> {
    private let ask: @Sendable (UInt64) async throws -> Told?
    private let number: @Sendable (Told) -> UInt64
    private var received: UInt64 = 0
    private var underWay: Task<Told?, any Error>?

    init(
        number: @escaping @Sendable (Told) -> UInt64,
        ask: @escaping @Sendable (UInt64) async throws -> Told?
    ) {
        self.number = number
        self.ask = ask
    }

    /// The next; none at the end. Throws `CancellationError` if the caller's task is cancelled.
    func next() async throws -> Told? {
        while true {
            let call = underWay ?? begin()
            let told: Told?
            do {
                told = try await answer(of: call)
            } catch let error where !(error is CancellationError) {
                underWay = nil
                throw error
            }
            guard let told else { return nil }
            // Another caller may have had it while this one waited for its turn.
            guard number(told) > received else { continue }
            received = number(told)
            underWay = nil
            return told
        }
    }

    private func begin() -> Task<Told?, any Error> {
        let call = Task { [ask, received] in try await ask(received) }
        underWay = call
        return call
    }

    /// Waits for the answer or for the cancellation of the caller, whichever comes first.
    private func answer(of call: Task<Told?, any Error>) async throws -> Told? {
        let answers = AsyncThrowingStream<Told?, any Error> { continuation in
            Task {
                do {
                    continuation.yield(try await call.value)
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
        for try await told in answers {
            return told
        }
        throw CancellationError()
    }
}

/// Values as they come, for `for try await`. It ends when the client is closed.
public struct Follow<Element: Sendable>: AsyncSequence, Sendable {
    private let begin: @Sendable () throws -> @Sendable () async throws -> [Element]?

    /// Each iteration begins with what `begin` makes.
    init(_ begin: @escaping @Sendable () throws -> @Sendable () async throws -> [Element]?) {
        self.begin = begin
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(begin: begin)
    }

    public struct Iterator: AsyncIteratorProtocol {
        let begin: @Sendable () throws -> @Sendable () async throws -> [Element]?
        private var pull: (@Sendable () async throws -> [Element]?)?
        private var ready: [Element] = []

        init(begin: @escaping @Sendable () throws -> @Sendable () async throws -> [Element]?) {
            self.begin = begin
        }

        public mutating func next() async throws -> Element? {
            while ready.isEmpty {
                let pull = try self.pull ?? begin()
                self.pull = pull
                guard let values = try await pull() else { return nil }
                ready = values.reversed()
            }
            return ready.popLast()
        }
    }
}
