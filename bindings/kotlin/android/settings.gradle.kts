rootProject.name = "tidings-client-android"

dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}
