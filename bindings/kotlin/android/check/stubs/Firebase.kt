// Signatures of firebase-messaging 25 that the sources use; see AndroidxCore.kt.
@file:Suppress("unused")

package com.google.firebase.messaging

import android.app.Service
import android.content.Intent
import android.os.IBinder

public class RemoteMessage private constructor() {
    public val data: Map<String, String> get() = error("a stub")
}

public open class FirebaseMessagingService : Service() {
    public open fun onMessageReceived(message: RemoteMessage) {}

    public open fun onNewToken(token: String) {}

    final override fun onBind(intent: Intent): IBinder = error("a stub")
}
