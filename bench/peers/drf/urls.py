from django.urls import path
from stock import views

urlpatterns = [
    path("health/live", views.live),
    path("login", views.Login.as_view()),
    path("items", views.Items.as_view()),
    path("items/<str:sku>", views.OneItem.as_view()),
    path("movements", views.Movements.as_view()),
    path("summary", views.Summary.as_view()),
]
