package dev.tidings

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import java.nio.file.Path
import java.time.Instant
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlin.time.toJavaDuration

/** How long the count of unread notifications waits after the store failed. */
private val AFTER_FAILURE = 5.seconds

/** What opening an account may say beside the relay, the folder and the access. */
public data class TidingsOptions(
    /** A name for the account's file, if the folder has several. Letters, digits, `-` and `_`, up to 64. */
    val account: String? = null,
    /** 32 random bytes that encrypt what notifications say on this device. */
    val encryptionKey: ByteArray? = null,
    /** Keeps such a key, which is then made at the first start. */
    val secretStore: SecretStore? = null,
    /** Where a push service reaches this device; asked once in each run. */
    val pushEndpoint: PushEndpoint? = null,
    /** The id under which the relay knows this device; a random one if nothing is said. */
    val device: String? = null,
    /** What kind of device it is. */
    val platform: String? = null,
)

/**
 * One account on one device: it stays connected, stores, and sends what it is asked to. Close it when it is not needed any
 * more.
 *
 * What the recipient does is durable when the call returns, with or without a network; each such call returns the id of its
 * operation. Every call throws a [ClientException] by what can be done about it, with `code` and `text`. All of it may be
 * called from any thread.
 */
public class TidingsClient private constructor(private val raw: RawClient, unreadNow: Long) : AutoCloseable {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private val states = MutableStateFlow(raw.connection())
    private val completenesses = MutableStateFlow(raw.completeness())
    private val counts = MutableStateFlow(unreadNow)
    private val pushTurn = Mutex()
    private var pushed = 0uL
    private val screen = raw.presentations()
    private val refusals = raw.refused()

    /** How the device stands with the relay. */
    public val connection: StateFlow<ConnectionState> = states.asStateFlow()

    /** Whether the device knows everything that the relay has for it. */
    public val completeness: StateFlow<Completeness> = completenesses.asStateFlow()

    /** How many notifications are unread and not archived. */
    public val unread: StateFlow<Long> = counts.asStateFlow()

    /**
     * What is to be shown, withdrawn or summed up; call [shown] after showing. However often it is collected, it is the same
     * stream: what one collector did not take before it was cancelled goes to the next.
     */
    public val presentations: Flow<Presentation> =
        Shared(screen::next, ToldPresentation::number, ToldPresentation::presentation).flow

    /** What the relay refused for good; what it assumed was put back. One stream, as [presentations]. */
    public val refused: Flow<RefusedOperation> = Shared(refusals::next, ToldRefusal::number, ToldRefusal::refused).flow

    /** Where a damaged file was put when the client was opened, if there was one. */
    public val setAside: String? = raw.setAside()

    init {
        scope.launch {
            follow(raw::observeConnection, RawConnectionObserver::next, ToldConnection::number) { listOf(it.state) }
                .collect { states.value = it }
        }
        scope.launch {
            follow(raw::observeCompleteness, RawCompletenessObserver::next, ToldCompleteness::number) {
                listOf(it.completeness)
            }.collect { completenesses.value = it }
        }
        scope.launch { count() }
    }

    private suspend fun count() {
        while (true) {
            try {
                unreadIn(null).collect { counts.value = it }
                return
            } catch (_: ClientException) {
                delay(AFTER_FAILURE)
            }
        }
    }

    /** Returns when the device is connected and complete. Throws [ClientException.SignedOut] if it will not connect. */
    public suspend fun awaitLive() {
        val reached = connection.first { it is ConnectionState.Live || it is ConnectionState.SignedOut }
        if (reached is ConnectionState.SignedOut) {
            throw ClientException.SignedOut("signed_out", "the device is signed out: ${reached.why}")
        }
    }

    /** The network may be back: tries at once if the next try is some time away. */
    public suspend fun networkChanged(): Unit = raw.networkChanged()

    /** The id under which the relay knows this device. */
    public suspend fun device(): String = raw.device()

    /** Whose inbox it is; none before the first sign-in. */
    public suspend fun owner(): Owner? = raw.owner()

    /** Ends the connection and forgets the credentials; keeps the inbox or wipes it. */
    public suspend fun signOut(what: SignOut): Unit = raw.signOut(what)

    /**
     * Ends everything, the client's threads too; waits up to seven seconds. Other calls throw [ClientException.Closed] from
     * then on. Closing again does nothing.
     */
    override fun close() {
        scope.cancel()
        raw.shutAndWait()
    }

    /** The same without blocking a thread. */
    public suspend fun closeAndJoin() {
        scope.cancel()
        raw.shut()
    }

    // The inbox on this device.

    /** One page, newest first, after a place or from the beginning; 1 to 500 items. */
    public suspend fun page(query: Query = Query(), after: String? = null, limit: Int = 50): Page =
        raw.page(query, after, limit.coerceAtLeast(1).toUInt())

    /** One notification; none if it is not on this device. */
    public suspend fun item(id: String): InboxItem? = raw.item(id)

    /** Follows the first items of a list, 1 to 500: its whole first, then each change. */
    public fun observe(query: Query = Query(), limit: Int = 200): Flow<InboxChange> =
        follow({ raw.observe(query, limit.coerceAtLeast(1).toUInt()) }, RawInboxObserver::next, ToldChanges::number) {
            it.changes
        }

    /** Looks for a text, newest first. Hits come as they are found; the flow ends with the last. */
    public fun search(text: String, query: Query = Query()): Flow<InboxItem> =
        follow({ raw.search(query.copy(text = text)) }, RawInboxSearch::next, ToldHits::number, ToldHits::items)

    /** Follows how many are unread and not archived, in a category or in all. */
    public fun unreadIn(category: String?): Flow<Long> =
        follow({ raw.observeUnread(category) }, RawUnreadCounter::next, ToldUnread::number) { listOf(it.unread.toLong()) }

    // Push.

    /**
     * Woken by a push: catches up within the deadline and returns what is to be shown. What an earlier call found and its
     * caller did not receive comes first.
     */
    public suspend fun handlePush(payload: ByteArray, deadline: Duration): List<Presentation> = pushTurn.withLock {
        val told = raw.handlePush(payload, deadline.toJavaDuration(), pushed)
        pushed = told.number
        told.presentations
    }

    /** Tells the relay at which address a push service reaches this device. */
    public suspend fun setPushAddress(address: String): String = raw.setPushAddress(address)

    // What the recipient does with a notification.

    /** Marks a notification as read. */
    public suspend fun markRead(id: String): String = raw.markRead(id)

    /** Marks a notification as unread again. */
    public suspend fun markUnread(id: String): String = raw.markUnread(id)

    /** Marks everything as read up to a page's mark; without one, everything that is on this device. */
    public suspend fun markAllRead(before: String? = null, category: String? = null): String =
        raw.markAllRead(before, category)

    /** Takes a notification out of the inbox. */
    public suspend fun archive(id: String): String = raw.archive(id)

    /** Puts a notification back into the inbox. */
    public suspend fun unarchive(id: String): String = raw.unarchive(id)

    /** Lets a notification sleep; it is shown again at [until]. A time that has passed wakes it. */
    public suspend fun snooze(id: String, until: Instant): String = raw.snooze(id, until)

    /** Confirms a notification to its sender. */
    public suspend fun acknowledge(id: String): String = raw.acknowledge(id)

    /** One of the notification's actions was chosen. */
    public suspend fun act(id: String, action: String): String = raw.act(id, action)

    /** The notification's link was followed. */
    public suspend fun clicked(id: String): String = raw.clicked(id)

    /** The notification was swept off the screen. */
    public suspend fun dismissed(id: String): String = raw.dismissed(id)

    /** The notification was shown: the answer to [Presentation.Show] and [Presentation.Update]. */
    public suspend fun shown(id: String): String = raw.shown(id)

    /** Says whether a notification was of use. */
    public suspend fun feedback(id: String, value: Feedback): String = raw.feedback(id, value)

    /** The operations that the relay has not answered, oldest first. */
    public suspend fun pending(): List<PendingOperation> = raw.pending()

    // Settings and consent.

    /** The recipient's settings with what was changed here on top; none before the first sync. */
    public suspend fun settings(): Settings? = raw.settings()

    /** Wants a category on a channel, or does not; without a channel, on all that the category has. */
    public suspend fun setPreference(category: String, chosen: Boolean, channel: String? = null): String =
        raw.setPreference(category, channel, chosen)

    /** Sets the recipient's own quiet hours; none goes back to the project's. */
    public suspend fun setQuietHours(hours: QuietHours?): String = raw.setQuietHours(hours)

    /** Holds back everything that may be held back until an instant; none ends the pause. */
    public suspend fun pause(until: Instant?): String = raw.pause(until)

    /** Says where the recipient is (an IANA zone) and which language they read (a BCP 47 tag). */
    public suspend fun setProfile(timeZone: String? = null, locale: String? = null): String =
        raw.setProfile(timeZone, locale)

    /** Grants consent to a category on a channel, or says no. */
    public suspend fun decideConsent(category: String, channel: String, granted: Boolean): String =
        raw.decideConsent(category, channel, granted)

    // What the relay knows; these need the network.

    /** Why a notification came and what became of it. Its `because` is on the device already. */
    public suspend fun story(id: String): Story = raw.story(id)

    /** Asks the relay to notify this recipient of nothing but that it works. */
    public suspend fun sendTest(): String = raw.sendTest()

    /** The recipient's devices, the newest first. */
    public suspend fun devices(): List<DeviceEntry> = raw.devices()

    /** Signs one of the recipient's devices out, at once; it may be this one. */
    public suspend fun removeDevice(id: String): Unit = raw.removeDevice(id)

    /** Everything that the relay stores of this recipient, as a JSON document. */
    public suspend fun export(): ByteArray = raw.export()

    /** Erases this recipient at the relay, and everything of them on this device. It cannot be undone. */
    public suspend fun erase(): Unit = raw.erase()

    public companion object {
        /** Opens the account's file in [folder] and begins to connect; never waits for the network. */
        public suspend fun open(
            relayUrl: String,
            folder: Path,
            access: Access = Access.Saved,
            options: TidingsOptions = TidingsOptions(),
        ): TidingsClient {
            val raw = openClient(
                RawOptions(
                    relayUrl = relayUrl,
                    folder = folder.toString(),
                    access = access.raw(),
                    account = options.account,
                    encryptionKey = options.encryptionKey,
                    secretStore = options.secretStore?.let(::SecretAdapter),
                    pushEndpoint = options.pushEndpoint?.let(::PushAdapter),
                    device = options.device,
                    platform = options.platform,
                ),
            )
            return TidingsClient(raw, raw.unread(null).toLong())
        }
    }
}
