package dev.tidings

import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlin.time.Duration.Companion.seconds

/** How long the embedder's own code may take; the client waits no longer either. */
private val ANSWER_TIMEOUT = 30.seconds

/** How a device proves who it is. */
public sealed class Access {
    /** What an earlier run stored. */
    public data object Saved : Access()

    /** A connect code, as `tidings connect` prints it. Giving the same code again does no harm. */
    public data class Code(val code: String) : Access()

    /** One fixed access token. When the relay does not take it any more, the client is signed out. */
    public class Token(internal val token: String) : Access()

    /** The app's own backend issues tokens. */
    public class Provider(internal val provider: TokenProvider) : Access()

    internal fun raw(): RawAccess = when (this) {
        Saved -> RawAccess.Saved
        is Code -> RawAccess.Code(code)
        is Token -> RawAccess.Token(token)
        is Provider -> RawAccess.Source(TokenAdapter(provider))
    }
}

/**
 * Brings access tokens from the app's own backend. It runs on a thread of the client's own; what it throws, or what takes
 * longer than 30 seconds, counts as [TokenAnswer.Later].
 */
public fun interface TokenProvider {
    /** Brings a token for this recipient. */
    public suspend fun token(why: TokenWanted): TokenAnswer
}

/** A keychain: on Android a file encrypted with a key of the Keystore. Both functions may block. */
public interface SecretStore {
    /** What was saved under a name; none if nothing was. */
    public fun load(name: String): ByteArray?

    /** Keeps a secret under a name, in the place of an older one. */
    public fun save(name: String, secret: ByteArray)
}

/** Where a push service reaches this device: a token of FCM as `fcm:TOKEN`, or a UnifiedPush subscription as JSON text. */
public fun interface PushEndpoint {
    /** The address; none if there is none now. */
    public suspend fun address(): String?
}

/** Takes the lines of the client's log, on a thread of its own. Never content, addresses, tokens or keys. */
public fun interface LogSink {
    /** Takes a line. What it throws is of no consequence. */
    public fun log(line: LogLine)
}

/** Sends the log of every client of this process to [sink], from [level] upwards; none ends that. */
public fun setLog(sink: LogSink?, level: LogLevel = LogLevel.WARN) {
    setLogSink(sink?.let(::LogAdapter), level)
}

private class TokenAdapter(private val provider: TokenProvider) : ForeignTokenSource {
    override fun token(why: TokenWanted): TokenAnswer =
        guarded { runBlocking { withTimeout(ANSWER_TIMEOUT) { provider.token(why) } } }
}

internal class SecretAdapter(private val store: SecretStore) : ForeignSecretStore {
    override fun load(name: String): ByteArray? = guarded { store.load(name) }

    override fun save(name: String, secret: ByteArray) = guarded { store.save(name, secret) }
}

internal class PushAdapter(private val endpoint: PushEndpoint) : ForeignPushEndpoint {
    override fun address(): String? =
        guarded { runBlocking { withTimeout(ANSWER_TIMEOUT) { endpoint.address() } } }
}

private class LogAdapter(private val sink: LogSink) : ForeignLogSink {
    override fun log(line: LogLine) = guarded { sink.log(line) }
}

/** Whatever the app's code throws crosses the border as one kind; an [Error] of the JVM would not cross it at all. */
@Suppress("TooGenericExceptionCaught")
private fun <T> guarded(call: () -> T): T = try {
    call()
} catch (thrown: Throwable) {
    throw EmbedderException.Failed(thrown.toString())
}
