import Foundation
import XCTest

/// Each chapter of the scenario that every language's package plays.
final class ScenarioTests: XCTestCase {
    func testEveryChapter() async throws {
        let scenario = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../scenario")
        let text = try Data(contentsOf: scenario.appending(path: "scenario.json"))
        let chapters = (try JSONSerialization.jsonObject(with: text) as? [String: Any])?["chapters"] as? [[String: Any]] ?? []
        XCTAssertFalse(chapters.isEmpty)
        for chapter in chapters {
            let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let relay = try Relay(folder: folder)
            defer { relay.kill() }
            try await relay.apply(Data(contentsOf: scenario.appending(path: "document.yaml")))
            let stage = Stage(relay: relay, folder: folder)
            do {
                try await stage.play(chapter["steps"] as? [Step] ?? [])
            } catch {
                XCTFail("\(chapter["name"] ?? ""): \(error)")
            }
            await stage.end()
        }
    }
}
