package dev.tidings.android

import android.Manifest
import android.app.PendingIntent
import android.content.Context
import android.content.Intent
import android.content.pm.PackageManager
import android.os.Build
import androidx.core.app.NotificationCompat
import androidx.core.app.NotificationManagerCompat
import dev.tidings.InboxItem
import dev.tidings.Presentation
import dev.tidings.Priority
import dev.tidings.TidingsClient

/** Does on the screen what the client says, and tells it what became of it. */
public class NotificationPresenter(
    private val context: Context,
    private val smallIcon: Int = context.applicationInfo.icon,
) {
    private val manager = NotificationManagerCompat.from(context)
    private val channels = NotificationChannels(context)

    /** Shows, updates, withdraws. Without the permission to notify nothing is shown, and nothing said to be. */
    public suspend fun present(client: TidingsClient, presentations: List<Presentation>) {
        client.settings()?.let(channels::update)
        presentations.forEach { present(client, it) }
    }

    private suspend fun present(client: TidingsClient, presentation: Presentation): Unit = when (presentation) {
        is Presentation.Show -> show(client, presentation.item)
        is Presentation.Update -> {
            if (presentation.replaces != presentation.item.id) manager.cancel(presentation.replaces, ONE)
            show(client, presentation.item)
        }
        is Presentation.Withdraw -> manager.cancel(presentation.id, ONE)
        is Presentation.Summary -> summarise(presentation.count.toInt())
    }

    private suspend fun show(client: TidingsClient, item: InboxItem) {
        if (!mayNotify()) return
        val builder = NotificationCompat.Builder(context, channels.of(item))
            .setSmallIcon(smallIcon)
            .setContentTitle(item.title)
            .setContentText(item.body)
            .setStyle(NotificationCompat.BigTextStyle().bigText(item.body))
            .setWhen(item.createdAt.toEpochMilli())
            .setGroup(item.category)
            .setPriority(if (item.priority == Priority.LOW) NotificationCompat.PRIORITY_LOW else NotificationCompat.PRIORITY_DEFAULT)
            .setOngoing(item.needsAcknowledgement && item.acknowledgedAt == null)
            .setAutoCancel(!item.needsAcknowledgement)
            .setContentIntent(answer(item.id, NotificationAnswers.CLICKED, null))
            .setDeleteIntent(answer(item.id, NotificationAnswers.DISMISSED, null))
        item.actions.forEach { builder.addAction(0, it.label, answer(item.id, NotificationAnswers.ACTED, it.id)) }
        if (item.needsAcknowledgement && item.actions.none { it.acknowledges }) {
            val label = context.getString(R.string.tidings_acknowledge)
            builder.addAction(0, label, answer(item.id, NotificationAnswers.ACKNOWLEDGED, null))
        }
        manager.notify(item.id, ONE, builder.build())
        client.shown(item.id)
    }

    private fun summarise(count: Int) {
        if (!mayNotify()) return
        val text = context.resources.getQuantityString(R.plurals.tidings_summary, count, count)
        val channel = channels.summary()
        val notification = NotificationCompat.Builder(context, channel).setSmallIcon(smallIcon).setContentTitle(text).build()
        manager.notify(SUMMARY, ONE, notification)
    }

    private fun mayNotify() = Build.VERSION.SDK_INT < Build.VERSION_CODES.TIRAMISU ||
        context.checkSelfPermission(Manifest.permission.POST_NOTIFICATIONS) == PackageManager.PERMISSION_GRANTED

    private fun answer(id: String, what: String, action: String?): PendingIntent {
        val intent = Intent(context, NotificationAnswers::class.java).setAction(what)
            .putExtra(NotificationAnswers.NOTIFICATION, id)
            .putExtra(NotificationAnswers.CHOSEN, action)
        val code = listOf(id, what, action).hashCode()
        return PendingIntent.getBroadcast(context, code, intent, PendingIntent.FLAG_IMMUTABLE or PendingIntent.FLAG_UPDATE_CURRENT)
    }

    internal companion object {
        /** Notifications are told apart by their tag, which is the notification's own id. */
        const val ONE = 1
        const val SUMMARY = "tidings.summary"
    }
}
