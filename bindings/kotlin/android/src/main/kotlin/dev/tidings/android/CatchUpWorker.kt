package dev.tidings.android

import android.content.Context
import androidx.work.BackoffPolicy
import androidx.work.Constraints
import androidx.work.CoroutineWorker
import androidx.work.ExistingPeriodicWorkPolicy
import androidx.work.ExistingWorkPolicy
import androidx.work.NetworkType
import androidx.work.OneTimeWorkRequestBuilder
import androidx.work.PeriodicWorkRequestBuilder
import androidx.work.WorkManager
import androidx.work.WorkerParameters
import dev.tidings.ClientException
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.minutes

/** Catches up without a push: after one that failed, and now and then where no push service reaches the device. */
public class CatchUpWorker(context: Context, parameters: WorkerParameters) : CoroutineWorker(context, parameters) {
    override suspend fun doWork(): Result = try {
        val client = TidingsHolder.client(applicationContext)
        NotificationPresenter(applicationContext).present(client, client.handlePush(ByteArray(0), 5.minutes))
        Result.success()
    } catch (_: ClientException.SignedOut) {
        Result.failure()
    } catch (_: ClientException) {
        Result.retry()
    }

    public companion object {
        private const val SOON = "tidings.soon"
        private const val REGULARLY = "tidings.regularly"
        private val online = Constraints.Builder().setRequiredNetworkType(NetworkType.CONNECTED).build()

        /** Once, when there is a network. */
        public fun soon(context: Context) {
            val work = OneTimeWorkRequestBuilder<CatchUpWorker>()
                .setConstraints(online)
                .setBackoffCriteria(BackoffPolicy.EXPONENTIAL, 30, TimeUnit.SECONDS)
                .build()
            WorkManager.getInstance(context).enqueueUniqueWork(SOON, ExistingWorkPolicy.KEEP, work)
        }

        /** Every quarter of an hour, the least that the system allows. */
        public fun regularly(context: Context) {
            val work = PeriodicWorkRequestBuilder<CatchUpWorker>(15, TimeUnit.MINUTES).setConstraints(online).build()
            WorkManager.getInstance(context)
                .enqueueUniquePeriodicWork(REGULARLY, ExistingPeriodicWorkPolicy.UPDATE, work)
        }
    }
}
