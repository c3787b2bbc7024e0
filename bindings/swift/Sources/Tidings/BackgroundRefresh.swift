#if os(iOS)
import BackgroundTasks
import Foundation

/// Catches up now and then while the app is in the background, for devices that pushes do not reach.
///
/// Name the identifier under `BGTaskSchedulerPermittedIdentifiers`, call `register` before the app has finished launching, and
/// `schedule` whenever it goes to the background.
public struct BackgroundRefresh: Sendable {
    /// The system gives about 30 seconds.
    private static let deadlineSeconds = 20.0

    private let identifier: String
    private let open: @Sendable () async throws -> TidingsClient
    private let present: @Sendable ([Presentation], TidingsClient) async -> Void

    /// - Parameters:
    ///   - open: opens the account.
    ///   - present: shows what is to be shown, and calls `shown` for it.
    public init(
        identifier: String,
        open: @escaping @Sendable () async throws -> TidingsClient,
        present: @escaping @Sendable ([Presentation], TidingsClient) async -> Void
    ) {
        self.identifier = identifier
        self.open = open
        self.present = present
    }

    @discardableResult
    public func register() -> Bool {
        BGTaskScheduler.shared.register(forTaskWithIdentifier: identifier, using: nil) { task in
            nonisolated(unsafe) let refresh = task
            let work = Task {
                refresh.setTaskCompleted(success: await self.catchUp())
            }
            refresh.expirationHandler = { work.cancel() }
            try? self.schedule()
        }
    }

    /// Asks the system for the next time, in a quarter of an hour at the earliest.
    public func schedule() throws {
        let request = BGAppRefreshTaskRequest(identifier: identifier)
        request.earliestBeginDate = Date(timeIntervalSinceNow: 15 * 60)
        try BGTaskScheduler.shared.submit(request)
    }

    private func catchUp() async -> Bool {
        guard let client = try? await open() else { return false }
        let presentations = try? await client.handlePush(Data(), deadline: Self.deadlineSeconds)
        if let presentations {
            await present(presentations, client)
        }
        await client.close()
        return presentations != nil
    }
}
#endif
