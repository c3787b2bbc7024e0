package dev.tidings

import com.sun.net.httpserver.HttpsConfigurator
import com.sun.net.httpserver.HttpsServer
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.coroutines.withContext
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import org.junit.jupiter.api.Test
import java.io.FileInputStream
import java.net.InetSocketAddress
import java.nio.file.Path
import java.security.KeyStore
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import javax.net.ssl.KeyManagerFactory
import javax.net.ssl.SSLContext
import kotlin.io.path.createDirectory
import kotlin.io.path.div
import kotlin.io.path.exists
import kotlin.io.path.readBytes
import kotlin.io.path.writeBytes
import kotlin.random.Random
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.ZERO
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

private const val NOWHERE = "http://127.0.0.1:1"

/** Lines that may wait for a log, as `bindings/src/log.rs` says. */
private const val LINES_MAX = 1_000
private const val SOMEBODY_ELSES = """{"tidings":1,"recipient":"somebody-else"}"""

/** What goes wrong ends in a typed error or mends itself; never in a crash of the host. */
internal class FaultsTest {
    private val phone = TidingsOptions(account = "phone")

    private suspend fun signedIn(relay: Relay, folder: Path): TidingsClient {
        val client = TidingsClient.open(relay.url, folder, Access.Code(relay.code("alice")), phone)
        withTimeout(PATIENCE) { client.awaitLive() }
        return client
    }

    private suspend fun has(client: TidingsClient, id: String) = until { client.item(id) != null }

    private suspend inline fun <reified E : ClientException> failsWith(crossinline call: suspend () -> Unit): E {
        val thrown = try {
            call()
            null
        } catch (exception: ClientException) {
            exception
        }
        return assertIs<E>(assertNotNull(thrown, "it did not fail"))
    }

    @Test
    fun `a wrong address is an argument that makes no sense`() = withRelay { _, folder ->
        for (url in listOf("", "relay", "ftp://relay.example", "http://")) {
            val invalid = failsWith<ClientException.Invalid> { TidingsClient.open(url, folder) }
            assertEquals("relay_url", invalid.field)
        }
        val invalid = failsWith<ClientException.Invalid> {
            TidingsClient.open(NOWHERE, folder, options = TidingsOptions(encryptionKey = ByteArray(5)))
        }
        assertEquals("encryption_key", invalid.field)
    }

    @Test
    fun `without a relay the inbox works and what needs it says offline`() = withRelay { relay, folder ->
        val sent = relay.send("alice", "Here")
        signedIn(relay, folder).use { has(it, sent) }
        TidingsClient.open(NOWHERE, folder, options = phone).use { away ->
            withTimeout(PATIENCE) { away.connection.first { it is ConnectionState.Offline } }
            assertEquals(listOf("Here"), away.page().items.map { it.title })
            away.markRead(sent)
            failsWith<ClientException.Offline> { away.export() }
        }
    }

    @Test
    fun `a certificate that is not trusted is named`() = withRelay { relay, folder ->
        signedIn(relay, folder).close()
        val server = untrustedServer(folder)
        try {
            TidingsClient.open("https://127.0.0.1:${server.address.port}", folder, options = phone).use { cheated ->
                val refused = failsWith<ClientException.Refused> { cheated.export() }
                assertEquals("untrusted_certificate", refused.code)
                assertIs<ConnectionState.Offline>(cheated.connection.value)
            }
        } finally {
            server.stop(0)
        }
    }

    private fun untrustedServer(folder: Path): HttpsServer {
        val store = (folder / "keys.p12").toString()
        val make = listOf(
            System.getProperty("java.home") + "/bin/keytool", "-genkeypair", "-alias", "relay", "-keyalg", "EC",
            "-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1", "-storepass", "secret", "-keystore", store,
        )
        check(ProcessBuilder(make).redirectErrorStream(true).start().also { it.inputReader().readText() }.waitFor() == 0)
        val keys = KeyStore.getInstance("PKCS12").apply { FileInputStream(store).use { load(it, "secret".toCharArray()) } }
        val managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm())
            .apply { init(keys, "secret".toCharArray()) }.keyManagers
        val context = SSLContext.getInstance("TLS").apply { init(managers, null, null) }
        return HttpsServer.create(InetSocketAddress("127.0.0.1", 0), 0).apply {
            httpsConfigurator = HttpsConfigurator(context)
            start()
        }
    }

    @Test
    fun `a source of tokens that throws is asked again`() = withRelay { relay, folder ->
        val failures = AtomicInteger()
        val provider = Access.Provider {
            if (failures.incrementAndGet() <= 2) throw NotImplementedError("the backend is down")
            TokenAnswer.Token(relay.token("alice", "phone", "10m"))
        }
        TidingsClient.open(relay.url, folder, provider).use { client ->
            until {
                client.networkChanged()
                client.connection.value == ConnectionState.Live
            }
            assertEquals(3, failures.get())
        }
    }

    @Test
    fun `a token that ran out and cannot be renewed signs the device out`() = withRelay { relay, folder ->
        val token = relay.token("alice", "phone", "2s")
        TidingsClient.open(relay.url, folder, Access.Token(token)).use { client ->
            val state = withTimeout(PATIENCE) { client.connection.first { it is ConnectionState.SignedOut } }
            assertEquals(ConnectionState.SignedOut(SignedOutReason.UNAUTHORIZED), state)
            failsWith<ClientException.SignedOut> { client.export() }
        }
        val gone = Access.Provider { TokenAnswer.SignedOut }
        TidingsClient.open(relay.url, folder, gone, TidingsOptions(account = "other")).use { client ->
            withTimeout(PATIENCE) { client.connection.first { it is ConnectionState.SignedOut } }
        }
    }

    @Test
    fun `a damaged file is set aside and the inbox fetched again`() = withRelay { relay, folder ->
        val sent = relay.send("alice", "Still there")
        signedIn(relay, folder).use { has(it, sent) }
        val file = folder / "phone.tidings"
        val whole = file.readBytes()
        file.writeBytes(whole.copyOf(100) + Random.nextBytes(whole.size - 100))
        TidingsClient.open(relay.url, folder, Access.Code(relay.code("alice")), phone).use { mended ->
            assertTrue(Path.of(assertNotNull(mended.setAside)).exists())
            has(mended, sent)
        }
    }

    @Test
    fun `a full disk is told and passes`() = withRelay { relay, folder ->
        val disk = (folder / "disk").createDirectory().toString()
        relay.send("alice", "On a small disk")
        val inside = "mount -t tmpfs -o size=2m none \"\$1\" && shift && exec \"\$@\""
        val before = listOf("unshare", "-Urm", "sh", "-c", inside, "sh", disk)
        val child = Child.start(FullDisk::class.java.name, relay.url, disk, relay.code("alice"), before = before)
        try {
            assertEquals(listOf("full true", "reads 1", "goes on"), List(3) { child.line() })
        } finally {
            child.kill()
        }
    }

    @Test
    fun `calls after the end say so and closing again does nothing`() = withRelay { relay, folder ->
        val client = signedIn(relay, folder)
        coroutineScope {
            val waiting = async { withTimeoutOrNull(PATIENCE) { client.presentations.collect {} } }
            delay(50.milliseconds)
            listOf(async(Dispatchers.IO) { client.close() }, async { client.closeAndJoin() }).awaitAll()
            client.close()
            assertNotNull(waiting.await(), "what followed the client ends with it")
        }
        val calls: List<suspend () -> Any?> = listOf(
            { client.page() },
            { client.settings() },
            { client.pending() },
            { client.export() },
            { client.erase() },
            { client.markRead("n1") },
            { client.handlePush(ByteArray(0), ZERO) },
        )
        calls.forEach { call -> failsWith<ClientException.Closed> { call() } }
    }

    @Test
    fun `calls from many threads all count`() = withRelay { relay, folder ->
        signedIn(relay, folder).use { client ->
            val sent = relay.send("alice", "For all threads")
            has(client, sent)
            val done = CopyOnWriteArrayList<String>()
            withContext(Dispatchers.IO) {
                repeat(8) {
                    launch {
                        repeat(25) {
                            client.page()
                            done += client.markRead(sent)
                        }
                    }
                }
            }
            assertEquals(200, done.toSet().size)
        }
    }

    @Test
    fun `a listener that blocks holds nothing up but itself`() = withRelay { relay, folder ->
        val release = CountDownLatch(1)
        setLog({ release.await(PATIENCE.inWholeSeconds, TimeUnit.SECONDS) }, LogLevel.DEBUG)
        try {
            signedIn(relay, folder).use { client ->
                // Each of these is a line of the log, and they are more than may wait.
                repeat(LINES_MAX + 100) {
                    withTimeout(PATIENCE) { client.handlePush(SOMEBODY_ELSES.encodeToByteArray(), 1.seconds) }
                }
                val first = relay.send("alice", "1")
                val shown = mutableListOf(withTimeout(PATIENCE) { client.presentations.first() })
                val rest = (2..7).map { relay.send("alice", "$it") }
                // This thread is what listens: it does nothing for a while, and the device goes on receiving.
                Thread.sleep(2_000)
                rest.forEach { assertContains(states(relay, it), "received") }
                rest.forEach { _ -> shown += withTimeout(PATIENCE) { client.presentations.first() } }
                assertEquals(listOf(first) + rest, shown.map { assertIs<Presentation.Show>(it).item.id })
            }
        } finally {
            release.countDown()
            setLog(null)
        }
    }

    private fun states(relay: Relay, id: String) =
        relay.call("GET", "/v1/notifications/$id").jsonObject.getValue("timeline").jsonArray
            .mapNotNull { it.jsonObject.maybe("state") }

    @Test
    fun `a collector that is cancelled again and again loses nothing`() = withRelay { relay, folder ->
        signedIn(relay, folder).use { client ->
            val sent = mutableListOf<String>()
            val shown = mutableListOf<Presentation>()
            repeat(40) { number ->
                sent += relay.send("alice", "$number")
                for (patience in listOf(0, 1, 2, 4)) {
                    withTimeoutOrNull(patience.milliseconds) { client.presentations.collect { shown += it } }
                }
            }
            while (shown.size < sent.size) {
                withTimeout(PATIENCE) { shown += client.presentations.first() }
            }
            assertEquals(sent, shown.map { assertIs<Presentation.Show>(it).item.id })
        }
    }

    @Test
    fun `a keychain that fails opens nothing and says why`() = withRelay { _, folder ->
        val locked = object : SecretStore {
            override fun load(name: String): ByteArray? = error("locked")

            override fun save(name: String, secret: ByteArray) = error("nothing is saved over what may be there")
        }
        val refused = failsWith<ClientException.Refused> {
            TidingsClient.open(NOWHERE, folder, options = TidingsOptions(secretStore = locked))
        }
        assertEquals("secret_store", refused.code)
        assertContains(refused.text, "locked")
    }

    @Test
    fun `words of a push are shown without a relay and not again with it`() = withRelay { relay, folder ->
        signedIn(relay, folder).close()
        val sent = relay.send("alice", "In full")
        relay.kill()
        TidingsClient.open(relay.url, folder, options = phone).use { client ->
            val pushed = """{"tidings":1,"notification":"$sent","title":"In short","category":"general","priority":"high"}"""
            val item = assertIs<Presentation.Show>(client.handlePush(pushed.encodeToByteArray(), 5.seconds).single()).item
            assertEquals(Triple(sent, "In short", Priority.HIGH), Triple(item.id, item.title, item.priority))
            client.shown(sent)
            val free = """{"tidings":1,"notification":"another"}"""
            assertEquals(listOf(), client.handlePush(free.encodeToByteArray(), 5.seconds))
            relay.start()
            client.networkChanged()
            withTimeout(PATIENCE) { client.awaitLive() }
            val last = relay.send("alice", "After it")
            val next = withTimeout(PATIENCE) { client.presentations.first() }
            assertEquals(last, assertIs<Presentation.Show>(next).item.id)
            assertEquals(listOf("After it", "In full"), client.page().items.map { it.title })
        }
    }

    @Test
    fun `a process that is killed while it works on a push harms nothing`() = withRelay { relay, folder ->
        signedIn(relay, folder).close()
        val sent = mutableSetOf<String>()
        var presented = 0L
        repeat(8) { kill ->
            val child = Child.start(Pushing::class.java.name, relay.url, folder.toString(), "phone")
            assertEquals("pushing", child.line())
            // It fetches, stores and claims all the time, and so ends in the middle of one of them.
            repeat(10) { sent += relay.send("alice", "$kill $it") }
            presented += child.killed().sumOf { it.removePrefix("presents ").toLong() }
        }
        TidingsClient.open(relay.url, folder, options = phone).use { client ->
            assertNull(client.setAside)
            until { client.page(limit = 500).items.map { it.id }.toSet() == sent }
            // What comes now is shown, and all together nothing was presented twice.
            val last = relay.send("alice", "After it")
            var came = false
            while (presented <= sent.size + 1) {
                val patience = if (came) 300.milliseconds else PATIENCE
                val next = withTimeoutOrNull(patience) { client.presentations.first() } ?: break
                presented += (next as? Presentation.Summary)?.count?.toLong() ?: 1L
                came = came || (next as? Presentation.Show)?.item?.id == last
            }
            assertTrue(came)
            assertTrue(presented <= sent.size + 1, "$presented of ${sent.size}")
        }
    }

    @Test
    fun `two processes on one file show each notification once`() = withRelay { relay, folder ->
        signedIn(relay, folder).close()
        val other = Child.start(Showing::class.java.name, relay.url, folder.toString(), "phone")
        try {
            assertEquals("open", other.line())
            TidingsClient.open(relay.url, folder, options = phone).use { here ->
                withTimeout(PATIENCE) { here.awaitLive() }
                val shown = CopyOnWriteArrayList<String>()
                val sent = mutableListOf<String>()
                coroutineScope {
                    // Its lines end when it is killed.
                    launch(Dispatchers.IO) {
                        while (true) shown += (other.lineOrNull() ?: break).removePrefix("shown ")
                    }
                    val collecting = launch {
                        here.presentations.collect { shown += assertIs<Presentation.Show>(it).item.id }
                    }
                    repeat(15) { number ->
                        sent += relay.send("alice", "$number")
                        until { shown.size >= sent.size }
                    }
                    collecting.cancel()
                    other.kill()
                }
                assertEquals(sent.sorted(), shown.filter { it in sent }.sorted())
            }
        } finally {
            other.kill()
        }
    }

    @Test
    fun `two processes that both work on pushes show each notification once`() = withRelay { relay, folder ->
        signedIn(relay, folder).use { here ->
            val other = Child.start(Pushing::class.java.name, relay.url, folder.toString(), "phone")
            try {
                assertEquals("pushing", other.line())
                var presented = 0L
                repeat(60) { number ->
                    relay.send("alice", "$number")
                    presented += here.handlePush("""{"tidings":1}""".encodeToByteArray(), 30.seconds)
                        .sumOf { (it as? Presentation.Summary)?.count?.toLong() ?: 1L }
                }
                // What the other claimed a moment ago it is still about to say.
                delay(500.milliseconds)
                presented += other.killed().sumOf { it.removePrefix("presents ").toLong() }
                assertEquals(60, presented)
            } finally {
                other.kill()
            }
        }
    }

    @Test
    fun `a process that ends with everything open ends in order`() = withRelay { relay, folder ->
        signedIn(relay, folder).close()
        val child = Child.start(LeavingOpen::class.java.name, relay.url, folder.toString(), "phone")
        assertEquals("leaves", child.line())
        assertEquals(0, withTimeout(PATIENCE) { child.ended() })
    }
}
