rootProject.name = "tidings-client"
