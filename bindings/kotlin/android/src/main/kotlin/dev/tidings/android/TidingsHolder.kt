package dev.tidings.android

import android.content.Context
import dev.tidings.Access
import dev.tidings.PushEndpoint
import dev.tidings.TidingsClient
import dev.tidings.TidingsOptions
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/**
 * One open client for the process. The app says once, in `Application.onCreate`, where its relay is; services and workers of
 * this package open the client when the system wakes them.
 */
public object TidingsHolder {
    private val turn = Mutex()
    private var client: TidingsClient? = null
    private lateinit var relayUrl: String
    private var pushEndpoint: PushEndpoint? = null

    /** Says where the relay is, and who knows the push address. Costs nothing: nothing is opened yet. */
    public fun setUp(relayUrl: String, pushEndpoint: PushEndpoint? = null) {
        this.relayUrl = relayUrl
        this.pushEndpoint = pushEndpoint
    }

    /** The client, opened if it is not. Give [access] to sign in; what an earlier run stored is taken otherwise. */
    public suspend fun client(context: Context, access: Access = Access.Saved): TidingsClient = turn.withLock {
        client ?: TidingsClient.open(
            relayUrl,
            context.noBackupFilesDir.toPath().resolve("tidings"),
            access,
            TidingsOptions(
                secretStore = KeystoreSecretStore(context),
                pushEndpoint = pushEndpoint,
                platform = "android",
            ),
        ).also { client = it }
    }

    /** Closes the client, for signing in anew. */
    public suspend fun close(): Unit = turn.withLock {
        client?.closeAndJoin()
        client = null
    }
}
