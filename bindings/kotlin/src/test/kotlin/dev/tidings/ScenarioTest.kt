package dev.tidings

import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory
import java.nio.file.Path
import kotlin.io.path.ExperimentalPathApi
import kotlin.io.path.createTempDirectory
import kotlin.io.path.deleteRecursively
import kotlin.io.path.div
import kotlin.io.path.readText

/** Each chapter of the scenario is a test. */
internal class ScenarioTest {
    @TestFactory
    fun chapters(): List<DynamicTest> {
        val scenario = Json.parseToJsonElement((SCENARIO / "scenario.json").readText()).jsonObject
        return scenario.getValue("chapters").jsonArray.map { it.jsonObject }.map { chapter ->
            dynamicTest(chapter.text("name")) {
                withRelay { relay, folder ->
                    val stage = Stage(relay, folder)
                    try {
                        stage.play(chapter.getValue("steps").jsonArray.map { it.jsonObject })
                    } finally {
                        stage.end()
                    }
                }
            }
        }
    }
}

/** Where the scenario stands: tests run in the folder of the package. */
private val SCENARIO: Path = Path.of("../scenario")

/** A relay with the scenario's document and a folder for devices, both gone afterwards. */
@OptIn(ExperimentalPathApi::class)
internal fun withRelay(test: suspend (Relay, Path) -> Unit) {
    val folder = createTempDirectory("tidings")
    try {
        val relay = Relay(folder)
        try {
            relay.apply((SCENARIO / "document.yaml").readText())
            runBlocking { test(relay, folder) }
        } finally {
            relay.kill()
        }
    } finally {
        folder.deleteRecursively()
    }
}
