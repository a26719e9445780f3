from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response


class Pages(PageNumberPagination):
    page_size = 20
    max_page_size = 100
    page_size_query_param = "per_page"

    def get_paginated_response(self, data: list[object]) -> Response:
        page = self.page
        return Response(
            {
                "items": data,
                "total": page.paginator.count,
                "page": page.number,
                "per_page": page.paginator.per_page,
            }
        )
