package dev.tidings.android

import android.app.NotificationChannel
import android.app.NotificationManager
import android.content.Context
import dev.tidings.InboxItem
import dev.tidings.Priority
import dev.tidings.Settings

/** A channel of the system for each category and importance, so that people can set them apart in the system's settings. */
public class NotificationChannels(private val context: Context) {
    private val manager = context.getSystemService(NotificationManager::class.java)

    /** Makes the channels of what the project has, and takes those away whose category is gone. */
    public fun update(settings: Settings) {
        val wanted = settings.categories.flatMap { category ->
            Priority.entries.map { priority ->
                val name = if (priority == Priority.NORMAL) category.name else "${category.name} · ${priority.label()}"
                NotificationChannel(id(category.id, priority), name, priority.importance())
            }
        }
        manager.createNotificationChannels(wanted)
        val ids = wanted.map { it.id }.toSet()
        manager.notificationChannels.map { it.id }
            .filter { it.startsWith(PREFIX) && it !in ids }
            .forEach(manager::deleteNotificationChannel)
    }

    /** The channel of a notification; it is made if the settings have not come yet. */
    public fun of(item: InboxItem): String {
        val id = id(item.category, item.priority)
        if (manager.getNotificationChannel(id) == null) {
            manager.createNotificationChannel(NotificationChannel(id, item.category, item.priority.importance()))
        }
        return id
    }

    /** The channel of the summary of many. */
    public fun summary(): String {
        val name = context.applicationInfo.loadLabel(context.packageManager)
        manager.createNotificationChannel(NotificationChannel(SUMMARY, name, NotificationManager.IMPORTANCE_LOW))
        return SUMMARY
    }

    private fun id(category: String, priority: Priority) = "$PREFIX$category.${priority.name.lowercase()}"

    private fun Priority.importance() = when (this) {
        Priority.LOW -> NotificationManager.IMPORTANCE_LOW
        Priority.NORMAL -> NotificationManager.IMPORTANCE_DEFAULT
        Priority.HIGH, Priority.URGENT -> NotificationManager.IMPORTANCE_HIGH
    }

    private fun Priority.label() = context.getString(
        when (this) {
            Priority.LOW -> R.string.tidings_low
            Priority.NORMAL -> R.string.tidings_normal
            Priority.HIGH -> R.string.tidings_high
            Priority.URGENT -> R.string.tidings_urgent
        },
    )

    private companion object {
        const val PREFIX = "tidings."
        const val SUMMARY = "summary.tidings"
    }
}
