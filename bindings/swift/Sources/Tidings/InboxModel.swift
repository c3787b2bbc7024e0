#if canImport(Observation)
import Foundation
import Observation

/// An inbox for a SwiftUI view: the newest notifications, how many are unread, and how the device stands. Call `run` from the
/// view's `task`; it ends with it.
@MainActor
@Observable
public final class InboxModel {
    /// The newest first.
    public private(set) var items: [InboxItem] = []
    /// How many are unread and not archived.
    public private(set) var unread: UInt64 = 0
    /// How the device stands with the relay.
    public private(set) var connection: ConnectionState
    /// What failed last, until it works again.
    public private(set) var problem: ClientError?

    /// The client behind it.
    public let client: TidingsClient
    private let query: Query
    private let limit: UInt32

    public init(client: TidingsClient, query: Query = Query(), limit: UInt32 = 200) {
        self.client = client
        self.query = query
        self.limit = limit
        connection = client.connection
    }

    /// Follows the inbox until the task is cancelled or the client is closed.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.followItems() }
            group.addTask { await self.followUnread() }
            group.addTask { await self.followConnection() }
        }
    }

    private func followItems() async {
        await following { [self] in
            for try await change in client.observe(query, limit: limit) {
                problem = nil
                apply(change)
            }
        }
    }

    private func followUnread() async {
        await following { [self] in
            for try await count in client.unreadCounts() {
                unread = count
            }
        }
    }

    private func followConnection() async {
        await following { [self] in
            for try await state in client.connections {
                connection = state
            }
        }
    }

    /// A store that fails may work again: it is looked at once more after some seconds.
    private func following(_ follow: @MainActor () async throws -> Void) async {
        while !Task.isCancelled {
            do {
                try await follow()
                return
            } catch let error as ClientError {
                problem = error
                try? await Task.sleep(for: .seconds(5))
            } catch {
                return
            }
        }
    }

    private func apply(_ change: InboxChange) {
        switch change {
        case .reset(let page):
            items = page.items
        case .changed(let item):
            items.removeAll { $0.id == item.id }
            let place = items.firstIndex { ($0.createdAt, $0.id) < (item.createdAt, item.id) } ?? items.endIndex
            items.insert(item, at: place)
        case .removed(let id):
            items.removeAll { $0.id == id }
        }
    }
}
#endif
