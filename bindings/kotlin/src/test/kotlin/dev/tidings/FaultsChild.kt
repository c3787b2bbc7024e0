package dev.tidings

import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import java.io.IOException
import java.nio.file.Path
import kotlin.io.path.deleteExisting
import kotlin.io.path.div
import kotlin.io.path.outputStream
import kotlin.time.Duration.Companion.seconds

/** A process whose folder is a small disk of its own. Arguments: relay, folder, connect code. */
internal object FullDisk {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val (url, folder, code) = arguments
        TidingsClient.open(url, Path.of(folder), Access.Code(code)).use { client ->
            client.awaitLive()
            val id = client.presentations.first().let { (it as Presentation.Show).item.id }
            val filler = Path.of(folder) / "filler"
            fill(filler)
            println(fails(client, id))
            println("reads ${client.page().items.size}")
            filler.deleteExisting()
            client.markRead(id)
            println("goes on")
        }
    }

    private fun fill(filler: Path) {
        try {
            filler.outputStream().use { file -> while (true) file.write(ByteArray(4096)) }
        } catch (_: IOException) {
            // It is full.
        }
    }

    private suspend fun fails(client: TidingsClient, id: String): String {
        repeat(10_000) {
            try {
                client.markUnread(id)
                client.markRead(id)
            } catch (storage: ClientException.Storage) {
                return "${storage.code} ${storage.recoverable}"
            }
        }
        return "never full"
    }
}

/** A process that works on one push after the other. Arguments: relay, folder, account. */
internal object Pushing {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val (url, folder, account) = arguments
        val client = TidingsClient.open(url, Path.of(folder), options = TidingsOptions(account = account))
        // The first call of all takes its time.
        var presented = client.handlePush(ByteArray(0), 30.seconds)
        println("pushing")
        while (true) {
            presented.forEach { println("presents ${(it as? Presentation.Summary)?.count ?: 1}") }
            presented = client.handlePush("""{"tidings":1}""".encodeToByteArray(), 30.seconds)
        }
    }
}

/** A process that ends without closing anything. */
internal object LeavingOpen {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val (url, folder, account) = arguments
        setLog({ Thread.sleep(10) }, LogLevel.DEBUG)
        TidingsClient.open(url, Path.of(folder), options = TidingsOptions(account = account))
        println("leaves")
    }
}
