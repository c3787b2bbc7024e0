package dev.tidings

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.buildJsonArray
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put
import java.io.File
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.nio.file.Path
import kotlin.io.path.div

/** A real relay for tests: started, killed, started again on the same data; and calls as a backend makes them. */
internal class Relay(private val folder: Path) {
    private val http: HttpClient = HttpClient.newHttpClient()
    private var process: Process? = null
    private var key = ""
    var url = ""
        private set

    init {
        start()
    }

    fun start() {
        val listen = url.removePrefix("http://").ifEmpty { "127.0.0.1:0" }
        val command = listOf(BINARY, "serve", "--json", "--listen", listen, "--data", (folder / "relay").toString())
        val log = ProcessBuilder.Redirect.appendTo((folder / "relay.log").toFile())
        val started = ProcessBuilder(command).redirectInput(File("/dev/null")).redirectError(log).start()
        process = started
        val first = Json.parseToJsonElement(started.inputReader().readLine()).jsonObject
        url = first.text("address")
        first["key"]?.let { key = it.jsonPrimitive.content }
    }

    fun kill() {
        process?.destroyForcibly()?.waitFor()
        process = null
    }

    fun call(method: String, path: String, body: String? = null, content: String = "application/json"): JsonElement {
        val publisher = body?.let(HttpRequest.BodyPublishers::ofString) ?: HttpRequest.BodyPublishers.noBody()
        val request = HttpRequest.newBuilder(URI(url + path)).method(method, publisher)
            .header("authorization", "Bearer $key").header("content-type", content).build()
        val answer = http.send(request, HttpResponse.BodyHandlers.ofString())
        check(answer.statusCode() < 300) { "$method $path: ${answer.statusCode()} ${answer.body()}" }
        return if (answer.body().isEmpty()) JsonNull else Json.parseToJsonElement(answer.body())
    }

    fun apply(document: String) {
        call("PUT", "/v1/configuration", document, "application/yaml")
    }

    fun code(recipient: String): String =
        call("POST", "/v1/connect-codes", buildJsonObject { put("recipient", recipient) }.toString()).jsonObject.text("code")

    fun token(recipient: String, device: String, expires: String): String {
        val asked = buildJsonObject {
            put("recipient", recipient)
            put("device", device)
            put("expires", expires)
        }
        return call("POST", "/v1/tokens", asked.toString()).jsonObject.text("token")
    }

    /** Sends something and answers what became of it. */
    fun decide(recipient: String, category: String, title: String): JsonObject {
        val body = buildJsonObject {
            put("recipients", buildJsonArray { add(kotlinx.serialization.json.JsonPrimitive(recipient)) })
            put("category", category)
            put("content", buildJsonObject { put("title", title) })
        }
        return call("POST", "/v1/notifications", body.toString()).jsonObject.getValue("notifications").jsonArray[0].jsonObject
    }

    fun send(recipient: String, title: String, category: String = "general"): String {
        val made = decide(recipient, category, title)
        check(made.text("state") == "active") { made.toString() }
        return made.text("id")
    }

    fun alarm(recipient: String): String {
        val event = buildJsonObject {
            put("type", "alarm")
            put("recipient", recipient)
            put("data", buildJsonObject { put("who", recipient) })
        }
        val result = call("POST", "/v1/events", event.toString()).jsonObject.getValue("results").jsonArray[0]
        return result.jsonObject.getValue("notifications").jsonArray[0].jsonObject.text("id")
    }

    fun receipts(id: String): Set<String> =
        call("GET", "/v1/notifications/$id").jsonObject.getValue("timeline").jsonArray
            .mapNotNull { it.jsonObject["receipt"]?.jsonPrimitive?.content }.toSet()

    fun knows(recipient: String): Boolean = try {
        call("GET", "/v1/recipients/$recipient")
        true
    } catch (refused: IllegalStateException) {
        if (": 404 " !in refused.message.orEmpty()) throw refused
        false
    }

    fun pushAddresses(recipient: String): List<String> =
        call("GET", "/v1/recipients/$recipient/export").jsonObject.getValue("endpoints").jsonArray
            .map { it.jsonObject }.filter { it.text("channel") == "push" }.map { it.text("address") }

    private companion object {
        val BINARY: String = System.getenv("TIDINGS_BIN") ?: error("TIDINGS_BIN names the relay's binary")
    }
}

/** A field that must be there. */
internal fun JsonObject.text(name: String): String = getValue(name).jsonPrimitive.content

/** A field that may be there. */
internal fun JsonObject.maybe(name: String): String? = get(name)?.jsonPrimitive?.content
