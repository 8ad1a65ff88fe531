<#import "template.ftl" as layout>
<@layout.registrationLayout; section>
<#if section == "header">
  ${msg("logoutConfirmTitle")}
<#elseif section == "form">
  <p>${msg("logoutConfirmHeader")}</p>
  <form action="${url.logoutConfirmAction}" method="post" class="choice">
    <input type="hidden" name="session_code" value="${logoutConfirm.code}">
    <button id="kc-logout" name="confirmLogout" class="primary">${msg("doLogout")}</button>
  </form>
  <p class="next">${msg("logoutInstead")}</p>
</#if>
</@layout.registrationLayout>
