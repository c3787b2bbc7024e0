// A screen with the inbox, for SwiftUI. A sample to copy: it is not compiled here, for there is no Swift compiler.
import SwiftUI
import Tidings

@main
struct InboxApp: App {
    @Environment(\.scenePhase) private var phase
    @State private var model: InboxModel?

    var body: some Scene {
        WindowGroup {
            if let model {
                InboxView(model: model)
            } else {
                ProgressView()
            }
        }
        .onChange(of: phase, initial: true) { _, phase in
            Task { await follow(phase) }
        }
    }

    /// A suspended app must hold no lock: the client is closed in the background and opened again in front.
    private func follow(_ phase: ScenePhase) async {
        switch phase {
        case .active where model == nil:
            let folder = URL.applicationSupportDirectory.appending(path: "tidings")
            let options = TidingsOptions(secretStore: KeychainStore(), platform: "ios")
            guard let relay = URL(string: "https://relay.example") else { return }
            let client = try? await TidingsClient.open(relayURL: relay, folder: folder, options: options)
            model = client.map { InboxModel(client: $0) }
        case .background:
            let client = model?.client
            model = nil
            await client?.close()
        default:
            break
        }
    }
}

struct InboxView: View {
    let model: InboxModel

    var body: some View {
        NavigationStack {
            List(model.items, id: \.id) { item in
                InboxRow(item: item) { action in
                    Task { try? await model.client.act(item.id, action: action) }
                }
                .swipeActions {
                    Button("Archive") { Task { try? await model.client.archive(item.id) } }
                }
                .onTapGesture { Task { try? await model.client.markRead(item.id) } }
            }
            .navigationTitle("Inbox (\(model.unread))")
            .safeAreaInset(edge: .top) {
                if model.connection != .live {
                    Text("Not connected; what is here stays readable").font(.footnote)
                }
            }
        }
        .task { await model.run() }
    }
}

struct InboxRow: View {
    let item: InboxItem
    let act: (String) -> Void

    var body: some View {
        VStack(alignment: .leading) {
            Text(item.title).fontWeight(item.readAt == nil ? .bold : .regular)
            Text(item.body).font(.subheadline)
            Text(item.because.text).font(.caption).foregroundStyle(.secondary)
            HStack {
                ForEach(item.actions, id: \.id) { action in
                    Button(action.label) { act(action.id) }.buttonStyle(.bordered)
                }
            }
        }
    }
}
