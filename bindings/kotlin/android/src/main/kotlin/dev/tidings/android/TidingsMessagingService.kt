package dev.tidings.android

import com.google.firebase.messaging.FirebaseMessagingService
import com.google.firebase.messaging.RemoteMessage
import dev.tidings.ClientException
import kotlinx.coroutines.runBlocking
import org.json.JSONObject
import kotlin.time.Duration.Companion.seconds

/** The system gives about 20 seconds for a push of high priority. */
internal val PUSH_DEADLINE = 15.seconds

/** FCM: each push wakes the client, whatever it says; a new token is told to the relay. */
public open class TidingsMessagingService : FirebaseMessagingService() {
    override fun onMessageReceived(message: RemoteMessage) {
        val payload = JSONObject(message.data.toMap()).toString().encodeToByteArray()
        // This thread is the service's own; the process may be ended when it returns.
        runBlocking { wake(this@TidingsMessagingService, payload) }
    }

    override fun onNewToken(token: String) {
        runBlocking {
            try {
                TidingsHolder.client(this@TidingsMessagingService).setPushAddress("fcm:$token")
            } catch (_: ClientException) {
                // The endpoint provider is asked at the next start.
            }
        }
    }
}
