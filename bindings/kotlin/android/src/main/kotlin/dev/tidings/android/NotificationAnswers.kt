package dev.tidings.android

import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import androidx.core.app.NotificationManagerCompat
import dev.tidings.TidingsClient
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch

/** What people do with a notification on the screen; durable before the system may end the process. */
public class NotificationAnswers : BroadcastReceiver() {
    override fun onReceive(context: Context, intent: Intent) {
        val id = intent.getStringExtra(NOTIFICATION) ?: return
        val pending = goAsync()
        CoroutineScope(Dispatchers.Default).launch {
            try {
                answer(context, TidingsHolder.client(context), id, intent)
            } finally {
                pending.finish()
            }
        }
    }

    private suspend fun answer(context: Context, client: TidingsClient, id: String, intent: Intent) {
        when (intent.action) {
            DISMISSED -> client.dismissed(id)
            ACKNOWLEDGED -> client.acknowledge(id)
            ACTED -> intent.getStringExtra(CHOSEN)?.let { client.act(id, it) }
            CLICKED -> {
                client.clicked(id)
                client.markRead(id)
                val app = context.packageManager.getLaunchIntentForPackage(context.packageName)
                app?.putExtra(NOTIFICATION, id)?.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)?.let(context::startActivity)
            }
        }
        NotificationManagerCompat.from(context).cancel(id, NotificationPresenter.ONE)
    }

    public companion object {
        /** The id of the notification, in the intent that opens the app. */
        public const val NOTIFICATION: String = "dev.tidings.notification"
        internal const val CHOSEN = "dev.tidings.action"
        internal const val CLICKED = "dev.tidings.CLICKED"
        internal const val ACTED = "dev.tidings.ACTED"
        internal const val ACKNOWLEDGED = "dev.tidings.ACKNOWLEDGED"
        internal const val DISMISSED = "dev.tidings.DISMISSED"
    }
}
