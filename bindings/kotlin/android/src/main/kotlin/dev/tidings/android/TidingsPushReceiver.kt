package dev.tidings.android

import dev.tidings.ClientException
import kotlinx.coroutines.runBlocking
import org.json.JSONObject
import org.unifiedpush.android.connector.FailedReason
import org.unifiedpush.android.connector.PushService
import org.unifiedpush.android.connector.data.PushEndpoint
import org.unifiedpush.android.connector.data.PushMessage

/** UnifiedPush: the same as FCM, without Google. The subscription is one of Web Push, with its keys. */
public open class TidingsPushReceiver : PushService() {
    override fun onMessage(message: PushMessage, instance: String) {
        runBlocking { wake(this@TidingsPushReceiver, message.content) }
    }

    override fun onNewEndpoint(endpoint: PushEndpoint, instance: String) {
        val keys = endpoint.pubKeySet ?: return
        val subscription = JSONObject()
            .put("endpoint", endpoint.url)
            .put("keys", JSONObject().put("p256dh", keys.pubKey).put("auth", keys.auth))
        runBlocking {
            try {
                TidingsHolder.client(this@TidingsPushReceiver).setPushAddress(subscription.toString())
            } catch (_: ClientException) {
                // The distributor tells the endpoint again at the next registration.
            }
        }
    }

    override fun onRegistrationFailed(reason: FailedReason, instance: String) {
        CatchUpWorker.regularly(this)
    }

    override fun onUnregistered(instance: String) {
        CatchUpWorker.regularly(this)
    }
}
