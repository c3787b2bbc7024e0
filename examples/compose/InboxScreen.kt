// A screen with the inbox, for Jetpack Compose. A sample to copy: it is not compiled here, for there is no Android SDK.
package dev.tidings.sample

import androidx.compose.foundation.clickable
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.items
import androidx.compose.material3.Button
import androidx.compose.material3.HorizontalDivider
import androidx.compose.material3.ListItem
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Text
import androidx.compose.material3.TopAppBar
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.ui.Modifier
import androidx.compose.ui.text.font.FontWeight
import androidx.lifecycle.ViewModel
import androidx.lifecycle.compose.collectAsStateWithLifecycle
import androidx.lifecycle.viewModelScope
import dev.tidings.ConnectionState
import dev.tidings.InboxChange
import dev.tidings.InboxItem
import dev.tidings.TidingsClient
import kotlinx.coroutines.flow.SharingStarted
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.runningFold
import kotlinx.coroutines.flow.stateIn
import kotlinx.coroutines.launch

class InboxViewModel(private val client: TidingsClient) : ViewModel() {
    val connection: StateFlow<ConnectionState> = client.connection
    val unread: StateFlow<Long> = client.unread
    val items: StateFlow<List<InboxItem>> = client.observe()
        .runningFold(emptyList<InboxItem>(), ::applied)
        .stateIn(viewModelScope, SharingStarted.WhileSubscribed(5_000), emptyList())

    private fun applied(items: List<InboxItem>, change: InboxChange): List<InboxItem> = when (change) {
        is InboxChange.Reset -> change.page.items
        is InboxChange.Removed -> items.filter { it.id != change.id }
        is InboxChange.Changed ->
            (items.filter { it.id != change.item.id } + change.item).sortedWith(compareBy({ it.createdAt }, { it.id })).reversed()
    }

    fun open(item: InboxItem) {
        viewModelScope.launch { client.markRead(item.id) }
    }

    fun act(item: InboxItem, action: String) {
        viewModelScope.launch { client.act(item.id, action) }
    }
}

@Composable
fun InboxScreen(model: InboxViewModel) {
    val items by model.items.collectAsStateWithLifecycle()
    val unread by model.unread.collectAsStateWithLifecycle()
    val connection by model.connection.collectAsStateWithLifecycle()
    Scaffold(topBar = { TopAppBar(title = { Text("Inbox ($unread)") }) }) { padding ->
        Column(Modifier.padding(padding)) {
            if (connection !is ConnectionState.Live) Text("Not connected; what is here stays readable")
            LazyColumn {
                items(items, key = { it.id }) { item ->
                    Row(item, onOpen = { model.open(item) }, onAct = { model.act(item, it) })
                    HorizontalDivider()
                }
            }
        }
    }
}

@Composable
private fun Row(item: InboxItem, onOpen: () -> Unit, onAct: (String) -> Unit) {
    ListItem(
        modifier = Modifier.clickable(onClick = onOpen),
        headlineContent = { Text(item.title, fontWeight = if (item.readAt == null) FontWeight.Bold else null) },
        supportingContent = {
            Column {
                Text(item.body)
                Text(item.because.text)
                item.actions.forEach { action -> Button(onClick = { onAct(action.id) }) { Text(action.label) } }
            }
        },
    )
}
