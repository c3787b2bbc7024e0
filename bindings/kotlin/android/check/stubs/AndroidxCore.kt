// Signatures of androidx.core 1.17 that the sources use. Google's repository, which has the real ones, is its own; these stand
// for them where only Maven Central is reached, so that the compiler can check the rest.
@file:Suppress("UNUSED_PARAMETER", "unused")

package androidx.core.app

import android.app.Notification
import android.app.PendingIntent
import android.content.Context

public class NotificationManagerCompat private constructor() {
    public fun notify(tag: String?, id: Int, notification: Notification): Unit = error("a stub")

    public fun cancel(tag: String?, id: Int): Unit = error("a stub")

    public companion object {
        @JvmStatic
        public fun from(context: Context): NotificationManagerCompat = error("a stub")
    }
}

public class NotificationCompat {
    public abstract class Style

    public class BigTextStyle : Style() {
        public fun bigText(text: CharSequence?): BigTextStyle = error("a stub")
    }

    public class Builder(context: Context, channelId: String) {
        public fun setSmallIcon(icon: Int): Builder = error("a stub")

        public fun setContentTitle(title: CharSequence?): Builder = error("a stub")

        public fun setContentText(text: CharSequence?): Builder = error("a stub")

        public fun setStyle(style: Style?): Builder = error("a stub")

        public fun setWhen(at: Long): Builder = error("a stub")

        public fun setGroup(key: String?): Builder = error("a stub")

        public fun setPriority(priority: Int): Builder = error("a stub")

        public fun setOngoing(ongoing: Boolean): Builder = error("a stub")

        public fun setAutoCancel(autoCancel: Boolean): Builder = error("a stub")

        public fun setContentIntent(intent: PendingIntent?): Builder = error("a stub")

        public fun setDeleteIntent(intent: PendingIntent?): Builder = error("a stub")

        public fun addAction(icon: Int, title: CharSequence?, intent: PendingIntent?): Builder = error("a stub")

        public fun build(): Notification = error("a stub")
    }

    public companion object {
        public const val PRIORITY_LOW: Int = -1
        public const val PRIORITY_DEFAULT: Int = 0
    }
}
