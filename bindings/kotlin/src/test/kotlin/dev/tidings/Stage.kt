package dev.tidings

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.filter
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.mapNotNull
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import java.nio.file.Path
import java.time.Instant
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertNotNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

internal val PATIENCE = 60.seconds
private val LOOK_EVERY = 20.milliseconds

/** Looks until it is so. */
internal suspend fun until(isSo: suspend () -> Boolean) {
    withTimeout(PATIENCE) {
        while (!isSo()) {
            delay(LOOK_EVERY)
        }
    }
}

/** Devices, a relay, and the names of what was sent: plays the steps of `bindings/scenario/scenario.json`. */
internal class Stage(private val relay: Relay, private val folder: Path) {
    private val devices = mutableMapOf<String, TidingsClient>()
    private val children = mutableMapOf<String, Child>()
    private val ids = mutableMapOf<String, String>()
    private val brought = AtomicInteger()
    private val nextTries = mutableMapOf<String, Instant>()

    @Suppress("TooGenericExceptionCaught")
    suspend fun play(steps: List<JsonObject>) {
        steps.forEachIndexed { index, step ->
            try {
                play(step)
            } catch (cancelled: CancellationException) {
                throw AssertionError("step ${index + 1}, $step: not in time", cancelled)
            } catch (error: Throwable) {
                throw AssertionError("step ${index + 1}, $step: $error", error)
            }
        }
    }

    suspend fun end() {
        children.values.forEach { it.kill() }
        devices.values.forEach { it.closeAndJoin() }
    }

    private fun client(step: JsonObject) = devices.getValue(step.text("device"))

    private fun id(step: JsonObject) = step.maybe("id") ?: ids.getValue(step.text("as"))

    private suspend fun play(step: JsonObject): Unit = when (val name = step.text("do")) {
        "open" -> open(step)
        "close" -> client(step).closeAndJoin()
        "send" -> ids[step.text("as")] = relay.send(step.text("to"), step.text("title"), step.maybe("category") ?: "general")
        "alarm" -> ids[step.text("as")] = relay.alarm(step.text("to"))
        "stop_relay" -> relay.kill()
        "start_relay" -> relay.start()
        "network_changed" -> client(step).networkChanged()
        "spawn" -> spawn(step)
        "kill_child" -> children.remove(step.text("device"))!!.kill()
        "call" -> call(step)
        else -> expect(name, step)
    }

    private suspend fun open(step: JsonObject) {
        val device = step.text("device")
        val address = step.maybe("push_address")
        val options = TidingsOptions(account = device, pushEndpoint = address?.let { PushEndpoint { it } })
        devices[device] = TidingsClient.open(relay.url, folder, access(step), options)
    }

    private fun access(step: JsonObject): Access = when (step.text("access")) {
        "code" -> Access.Code(relay.code(step.text("recipient")))
        "saved" -> Access.Saved
        else -> Access.Provider {
            brought.incrementAndGet()
            TokenAnswer.Token(relay.token(step.text("recipient"), step.text("device"), step.text("expires")))
        }
    }

    private suspend fun spawn(step: JsonObject) {
        val device = step.text("device")
        val child = Child.start(Showing::class.java.name, relay.url, folder.toString(), device)
        children[device] = child
        assertEquals("open", child.line())
    }

    private suspend fun call(step: JsonObject) {
        val client = client(step)
        when (val name = step.text("call")) {
            "mark_read" -> client.markRead(id(step))
            "archive" -> client.archive(id(step))
            "act" -> client.act(id(step), step.text("action"))
            "story" -> client.story(id(step))
            "snooze" -> client.snooze(id(step), Instant.now().plusSeconds(step.getValue("seconds").jsonPrimitive.long))
            "decide_consent" ->
                client.decideConsent(step.text("category"), step.text("channel"), step.getValue("granted").jsonPrimitive.boolean)
            "set_preference" -> client.setPreference(step.text("category"), step.getValue("chosen").jsonPrimitive.boolean)
            "set_quiet_hours" ->
                client.setQuietHours(QuietHours(listOf(QuietSpan(step.text("begins"), step.text("ends")))))
            "erase" -> client.erase()
            else -> error("no such call: $name")
        }
    }

    private suspend fun expect(name: String, step: JsonObject): Unit = when (name) {
        "fails" -> fails(step)
        "is" -> isConnected(step)
        "waits" -> waits(step)
        "owner" -> assertEquals(step.text("recipient"), client(step).owner()?.recipient)
        "shows" -> shows(step)
        "withdraws" -> assertEquals(Presentation.Withdraw(id(step)), next(step))
        "child_shows" -> assertEquals("shown ${id(step)}", children.getValue(step.text("device")).line())
        "push" -> push(step)
        "has" -> until { has(step) }
        "lists" -> until { client(step).page().items.map { it.title } == step.texts("titles") }
        "found" -> assertEquals(step.texts("titles"), client(step).search(step.text("text")).toList().map { it.title })
        "unread" -> withTimeout(PATIENCE) { client(step).unread.first { it == step.getValue("count").jsonPrimitive.long } }.let {}
        "pending" -> assertEquals(step.texts("ops"), client(step).pending().map { it.request.op })
        "flushed" -> until { client(step).pending().isEmpty() }
        "receipts" -> until { relay.receipts(id(step)).containsAll(step.texts("include")) }
        "story" -> assertEquals(step.text("state"), client(step).story(id(step)).state)
        "stopped" -> stopped(step)
        "consent" -> until { consent(step) == step.text("decision") }
        "quiet" -> assertEquals(step.text("begins"), client(step).settings()?.quietHours?.spans?.single()?.begins)
        "endpoint" -> until { relay.pushAddresses(step.text("recipient")) == listOf(step.text("address")) }
        "tokens" -> until { brought.get() >= step.getValue("at_least").jsonPrimitive.long }
        "forgotten" -> until { !relay.knows(step.text("recipient")) }
        "exports" -> assertTrue(client(step).export().decodeToString().contains(step.text("text")))
        else -> error("no such step: $name")
    }

    private suspend fun fails(step: JsonObject) {
        val kind = when (val word = step.text("error")) {
            "offline" -> ClientException.Offline::class
            "signed_out" -> ClientException.SignedOut::class
            "refused" -> ClientException.Refused::class
            "invalid" -> ClientException.Invalid::class
            "closed" -> ClientException.Closed::class
            else -> error("no such error: $word")
        }
        val thrown = try {
            call(step)
            null
        } catch (exception: ClientException) {
            exception
        }
        assertEquals(kind, assertNotNull(thrown, "it did not fail")::class)
    }

    private suspend fun isConnected(step: JsonObject) {
        val wanted = step.text("connection")
        val reached = withTimeout(PATIENCE) {
            client(step).connection.filter { word(it) == wanted }.first()
        }
        if ("early" in step) assertTrue(Instant.now() < nextTries.getValue(step.text("device")), "too late")
        step.maybe("why")?.let { why -> assertEquals(why, assertIs<ConnectionState.SignedOut>(reached).why.name.lowercase()) }
    }

    private suspend fun waits(step: JsonObject) {
        val seconds = step.getValue("seconds").jsonPrimitive.long
        nextTries[step.text("device")] = withTimeout(PATIENCE) {
            client(step).connection.mapNotNull { (it as? ConnectionState.Offline)?.nextTry }
                .first { it >= Instant.now().plusSeconds(seconds) }
        }
    }

    private fun word(state: ConnectionState) = when (state) {
        ConnectionState.Live -> "live"
        ConnectionState.CatchingUp -> "catching_up"
        is ConnectionState.Offline -> "offline"
        is ConnectionState.SignedOut -> "signed_out"
    }

    private suspend fun next(step: JsonObject): Presentation = withTimeout(PATIENCE) { client(step).presentations.first() }

    private suspend fun shows(step: JsonObject) {
        val item = assertIs<Presentation.Show>(next(step)).item
        assertEquals(id(step), item.id)
        step.maybe("title")?.let { assertEquals(it, item.title) }
        step.maybe("because")?.let { assertEquals(it, item.because.rule) }
        client(step).shown(item.id)
    }

    private suspend fun push(step: JsonObject) {
        val payload = step.getValue("payload").jsonObject.mapValues { (_, value) ->
            val text = value.jsonPrimitive
            if (text.isString && text.content.startsWith("$")) JsonPrimitive(ids.getValue(text.content.drop(1))) else text
        }
        val shown = client(step).handlePush(JsonObject(payload).toString().encodeToByteArray(), 30.seconds)
        val found = shown.filterIsInstance<Presentation.Show>().map { it.item.id }
        assertEquals(step.texts("shows").map(ids::getValue), found)
        found.forEach { client(step).shown(it) }
    }

    private suspend fun has(step: JsonObject): Boolean {
        val item = client(step).item(id(step)) ?: return false
        return ("read" !in step || item.readAt != null) &&
            ("acknowledged" !in step || item.acknowledgedAt != null) &&
            ("snoozed" !in step || item.snoozedUntil != null)
    }

    private fun stopped(step: JsonObject) {
        val made = relay.decide(step.text("to"), step.text("category"), step.text("title"))
        assertEquals("suppressed", made.text("state"))
        assertEquals(step.text("gate"), made.getValue("stopped_by").jsonObject.text("gate"))
    }

    private suspend fun consent(step: JsonObject): String? {
        val category = client(step).settings()?.categories?.single { it.id == step.text("category") }
        return category?.consent?.get(step.text("channel"))?.name?.lowercase()
    }
}

private fun JsonObject.texts(name: String): List<String> = getValue(name).jsonArray.map { it.jsonPrimitive.content }
