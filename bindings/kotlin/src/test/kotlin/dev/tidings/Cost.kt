package dev.tidings

import kotlinx.coroutines.FlowPreview
import kotlinx.coroutines.cancelChildren
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.flow.produceIn
import kotlinx.coroutines.runBlocking
import java.nio.file.Path
import kotlin.coroutines.coroutineContext
import kotlin.time.Duration
import kotlin.time.measureTime

private const val AT_ONCE = 500

/** What calls cost in Kotlin; the same as `sdk/client/examples/cost.rs`. Arguments: relay, folder, connect code. */
internal object Cost {
    @OptIn(FlowPreview::class)
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val (relay, folder, code) = arguments
        TidingsClient.open(relay, Path.of(folder), Access.Code(code)).use { client ->
            client.awaitLive()
            val changes = client.observe(limit = AT_ONCE).produceIn(this)
            changes.receive()
            println("ready")
            while (true) {
                val (what, count) = readlnOrNull()?.split(' ') ?: break
                // A flow is collected on its own, and would look at each receipt. The other languages look when they are asked.
                if (what != "observe") changes.cancel()
                println(block(client, changes, what, count.toInt()).inWholeNanoseconds)
            }
            coroutineContext.cancelChildren()
        }
    }

    private suspend fun block(client: TidingsClient, changes: ReceiveChannel<InboxChange>, what: String, count: Int): Duration =
        when (what) {
            "observe" -> {
                var changed = 0
                while (changed < count) {
                    if (changes.receive() is InboxChange.Changed) changed += 1
                }
                Duration.ZERO
            }
            "list" -> median(List(count) { measureTime { client.page(limit = 50) } })
            "receipt" -> {
                client.markAllRead()
                val id = client.page(limit = 1).items.single().id
                median(List(count) { measureTime { client.clicked(id) } })
            }
            else -> error("there is no such block")
        }

    private fun median(times: List<Duration>): Duration = times.sorted()[times.size / 2]
}
