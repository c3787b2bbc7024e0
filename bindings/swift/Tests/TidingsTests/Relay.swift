import Foundation

/// A real relay for tests: started, killed, started again on the same data; and calls as a backend makes them.
final class Relay {
    private let folder: URL
    private var process: Process?
    private var key = ""
    private(set) var url = ""

    init(folder: URL) throws {
        self.folder = folder
        try start()
    }

    func start() throws {
        let process = Process()
        guard let binary = ProcessInfo.processInfo.environment["TIDINGS_BIN"] else { throw Failure("TIDINGS_BIN is not set") }
        process.executableURL = URL(filePath: binary)
        let listen = url.isEmpty ? "127.0.0.1:0" : url.replacing("http://", with: "")
        let data = folder.appending(path: "relay").path(percentEncoded: false)
        process.arguments = ["serve", "--json", "--listen", listen, "--data", data]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        self.process = process
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), byte != Data("\n".utf8) { line += byte }
        let first = try JSONSerialization.jsonObject(with: line) as? [String: Any]
        url = first?["address"] as? String ?? ""
        key = first?["key"] as? String ?? key
    }

    func kill() {
        if let process {
            Foundation.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        process = nil
    }

    @discardableResult
    func call(_ method: String, _ path: String, _ body: Data? = nil, content: String = "application/json") async throws
        -> [String: Any]
    {
        guard let place = URL(string: url + path) else { throw Failure("no address: \(path)") }
        var request = URLRequest(url: place)
        request.httpMethod = method
        request.httpBody = body
        request.setValue("Bearer \(key)", forHTTPHeaderField: "authorization")
        request.setValue(content, forHTTPHeaderField: "content-type")
        let (data, answer) = try await URLSession.shared.data(for: request)
        let status = (answer as? HTTPURLResponse)?.statusCode ?? 0
        guard status < 300 else { throw Failure("\(method) \(path): \(status) \(String(decoding: data, as: UTF8.self))") }
        return (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] ?? [:]
    }

    private func post(_ path: String, _ body: [String: Any]) async throws -> [String: Any] {
        try await call("POST", path, JSONSerialization.data(withJSONObject: body))
    }

    func apply(_ document: Data) async throws {
        try await call("PUT", "/v1/configuration", document, content: "application/yaml")
    }

    func code(_ recipient: String) async throws -> String {
        try await post("/v1/connect-codes", ["recipient": recipient])["code"] as? String ?? ""
    }

    func token(_ recipient: String, _ device: String, _ expires: String) async throws -> String {
        try await post("/v1/tokens", ["recipient": recipient, "device": device, "expires": expires])["token"] as? String ?? ""
    }

    /// Sends something and answers what became of it.
    func decide(_ recipient: String, _ category: String, _ title: String) async throws -> [String: Any] {
        let body: [String: Any] = ["recipients": [recipient], "category": category, "content": ["title": title]]
        return (try await post("/v1/notifications", body)["notifications"] as? [[String: Any]])?.first ?? [:]
    }

    func send(_ recipient: String, _ title: String, _ category: String = "general") async throws -> String {
        let made = try await decide(recipient, category, title)
        guard made["state"] as? String == "active", let id = made["id"] as? String else { throw Failure("\(made)") }
        return id
    }

    func alarm(_ recipient: String) async throws -> String {
        let event: [String: Any] = ["type": "alarm", "recipient": recipient, "data": ["who": recipient]]
        let result = (try await post("/v1/events", event)["results"] as? [[String: Any]])?.first
        return (result?["notifications"] as? [[String: Any]])?.first?["id"] as? String ?? ""
    }

    func receipts(_ id: String) async throws -> Set<String> {
        let timeline = try await call("GET", "/v1/notifications/\(id)")["timeline"] as? [[String: Any]] ?? []
        return Set(timeline.compactMap { $0["receipt"] as? String })
    }

    func knows(_ recipient: String) async throws -> Bool {
        do {
            _ = try await call("GET", "/v1/recipients/\(recipient)")
            return true
        } catch let failure as Failure where failure.description.contains(": 404 ") {
            return false
        }
    }

    func pushAddresses(_ recipient: String) async throws -> [String] {
        let endpoints = try await call("GET", "/v1/recipients/\(recipient)/export")["endpoints"] as? [[String: Any]] ?? []
        return endpoints.filter { $0["channel"] as? String == "push" }.compactMap { $0["address"] as? String }
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
