package dev.tidings.android

import android.content.Context
import dev.tidings.ClientException

/** Catches up and presents; leaves it to the worker if that fails. */
internal suspend fun wake(context: Context, payload: ByteArray) {
    try {
        val client = TidingsHolder.client(context)
        NotificationPresenter(context).present(client, client.handlePush(payload, PUSH_DEADLINE))
    } catch (_: ClientException) {
        CatchUpWorker.soon(context)
    }
}
