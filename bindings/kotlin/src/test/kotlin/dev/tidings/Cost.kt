package dev.tidings

import kotlinx.coroutines.flow.takeWhile
import kotlinx.coroutines.runBlocking
import java.nio.file.Path
import kotlin.time.Duration
import kotlin.time.measureTime

private const val AT_ONCE = 500
private const val ROUNDS = 20
private const val LISTS = 300
private const val RECEIPTS = 200

/** What calls cost in Kotlin; the same as `sdk/client/examples/cost.rs`. Arguments: relay, folder, connect code. */
internal object Cost {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val (relay, folder, code) = arguments
        TidingsClient.open(relay, Path.of(folder), Access.Code(code)).use { client ->
            client.awaitLive()
            val observed = measureTime { observe(client) }
            val lists = List(LISTS) { measureTime { client.page(limit = 50) } }
            val id = client.page(limit = 1).items.single().id
            val receipts = List(RECEIPTS) { measureTime { client.clicked(id) } }
            println(
                """{"list_50_us": ${median(lists).inWholeMicroseconds}, "receipt_us": """ +
                    """${median(receipts).inWholeMicroseconds}, "observed_10000_ms": ${observed.inWholeMilliseconds}}""",
            )
        }
    }

    private suspend fun observe(client: TidingsClient) {
        var changed = 0
        var rounds = 0
        client.observe(limit = AT_ONCE).takeWhile { change ->
            when (change) {
                is InboxChange.Reset -> println("more")
                is InboxChange.Changed -> {
                    changed += 1
                    if (changed % AT_ONCE == 0 && ++rounds < ROUNDS) println("more")
                }
                is InboxChange.Removed -> {}
            }
            rounds < ROUNDS
        }.collect {}
    }

    private fun median(times: List<Duration>): Duration = times.sorted()[times.size / 2]
}
